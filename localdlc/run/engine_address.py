"""Where the engine is: found as the docker command line finds it, then at the usual sockets.

Standard library only, because set-up runs it before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from localdlc.errors import EngineUnavailable

PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a context's TLS material."""

    ca_cert: str | None
    client_cert: tuple[str, str] | None
    verify: bool


@dataclass(frozen=True, slots=True)
class Address:
    """One place an engine may answer at. ``source`` says who named it; named ones are final."""

    url: str
    source: str
    named: bool = False
    tls: Tls | None = None


def find_engine(environment: Mapping[str, str]) -> Address:
    """The first address that answers.

    Raises `EngineUnavailable` that lists what was tried and why each failed. An address that the
    user named (DOCKER_HOST, a context) is the only one tried: another engine is never a stand-in.
    """
    failures = []
    for address in candidates(environment):
        failure = why_not(address)
        if failure is None:
            return address
        failures.append(f"  {address.url} ({address.source}): {failure}")
    raise EngineUnavailable(
        "no container engine answers. Tried:\n"
        + "\n".join(failures)
        + "\nStart Docker, or point DOCKER_HOST or DOCKER_CONTEXT at a running engine."
    )


def candidates(environment: Mapping[str, str]) -> Iterator[Address]:
    """Addresses in the order of the docker command line; then sockets people really have."""
    home = Path(environment.get("HOME") or Path.home())
    config = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    if host := environment.get("DOCKER_HOST"):
        yield Address(host, "DOCKER_HOST", named=True, tls=environment_tls(environment, config))
        return
    name = environment.get("DOCKER_CONTEXT") or current_context(config)
    if name and name != "default":
        yield context_address(config, name)
        return
    runtime = environment.get("XDG_RUNTIME_DIR")
    yield Address("unix:///var/run/docker.sock", "the usual socket")
    if runtime:
        yield Address(f"unix://{runtime}/docker.sock", "rootless Docker")
    yield Address(f"unix://{home}/.docker/run/docker.sock", "Docker Desktop")
    yield Address(f"unix://{home}/.colima/default/docker.sock", "Colima")
    if runtime:
        yield Address(f"unix://{runtime}/podman/podman.sock", "rootless Podman")


def environment_tls(environment: Mapping[str, str], config: Path) -> Tls | None:
    if not environment.get("DOCKER_TLS_VERIFY"):
        return None
    return tls_of(Path(environment.get("DOCKER_CERT_PATH") or config), verify=True)


def current_context(config: Path) -> str | None:
    try:
        name = json.loads((config / "config.json").read_text())["currentContext"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


def context_address(config: Path, name: str) -> Address:
    """A named docker context: its folders are named by the SHA-256 of its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest / "meta.json"
    try:
        endpoint = json.loads(meta.read_text())["Endpoints"]["docker"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnavailable(
            f"the docker context {name!r} cannot be read ({meta}: {error}). "
            "`docker context ls` lists the contexts there are."
        ) from error
    certificates = config / "contexts" / "tls" / digest / "docker"
    tls = tls_of(certificates, verify=not endpoint.get("SkipTLSVerify"))
    return Address(
        endpoint["Host"],
        f"docker context {name!r}",
        named=True,
        tls=tls if certificates.is_dir() else None,
    )


def tls_of(folder: Path, *, verify: bool) -> Tls:
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    return Tls(
        ca_cert=str(ca) if ca.exists() else None,
        client_cert=(str(cert), str(key)) if cert.exists() and key.exists() else None,
        verify=verify,
    )


def why_not(address: Address) -> str | None:
    """None when something listens there; else one phrase. ssh and TLS are left to the client."""
    parts = urlsplit(address.url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(parts.path)
        elif parts.scheme in {"tcp", "http", "https"}:
            peer = (parts.hostname or "localhost", parts.port or 2375)
            socket.create_connection(peer, PATIENCE).close()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None
