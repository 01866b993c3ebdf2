"""Where the engine is: found as the docker command line finds it, then at the usual sockets.

Standard library only, because set-up runs it before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from localdlc.errors import EngineUnavailable

PATIENCE = 5.0
REMOTE = (
    "{url} ({source}) is an engine of another machine. A job mounts folders of this one, which are "
    "not there. Run localdlc on that machine, or choose an engine of this one, such as "
    "DOCKER_HOST=unix:///var/run/docker.sock."
)
FORBIDDEN = (
    "This user may not use it: join its group (`sudo usermod -aG docker $USER`, then log in "
    "again), or use sudo."
)
START = "Start Docker, or point DOCKER_HOST or DOCKER_CONTEXT at a running engine."


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
    One of another machine is refused.
    """
    failures = []
    for address in candidates(environment):
        if elsewhere(address):
            raise EngineUnavailable(REMOTE.format(url=address.url, source=address.source))
        failure = why_not(address)
        if failure is None:
            return address
        failures.append(f"  {address.url} ({address.source}): {failure}")
    forbidden = any("ermission denied" in failure for failure in failures)
    told = ["no container engine answers. Tried:", *failures, FORBIDDEN if forbidden else START]
    raise EngineUnavailable("\n".join(told))


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
    # Unset after su and in cron, where the folder is there all the same.
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    yield Address("unix:///var/run/docker.sock", "the usual socket")
    yield Address(f"unix://{runtime}/docker.sock", "rootless Docker")
    yield Address(f"unix://{home}/.docker/run/docker.sock", "Docker Desktop")
    yield Address(f"unix://{home}/.docker/desktop/docker.sock", "Docker Desktop")
    yield Address(f"unix://{home}/.colima/default/docker.sock", "Colima")
    yield Address(f"unix://{runtime}/podman/podman.sock", "rootless Podman")
    yield Address("unix:///run/podman/podman.sock", "Podman")


def environment_tls(environment: Mapping[str, str], config: Path) -> Tls | None:
    """DOCKER_TLS encrypts; DOCKER_TLS_VERIFY also makes sure who answers."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    if not verify and not environment.get("DOCKER_TLS"):
        return None
    return tls_of(Path(environment.get("DOCKER_CERT_PATH") or config), verify=verify)


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
        host = str(endpoint["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnavailable(
            f"the docker context {name!r} cannot be read ({meta}: {error}). "
            "`docker context ls` lists the contexts there are."
        ) from error
    certificates = config / "contexts" / "tls" / digest / "docker"
    tls = tls_of(certificates, verify=not endpoint.get("SkipTLSVerify"))
    return Address(
        host,
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


def elsewhere(address: Address) -> bool:
    """Whether it is on another machine; a name that cannot be looked up is left to `why_not`."""
    parts = urlsplit(address.url)
    if parts.scheme == "ssh":
        return True
    if parts.scheme not in {"tcp", "http", "https"}:
        return False
    try:
        found = socket.getaddrinfo(parts.hostname or "localhost", 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return not any(is_ours(family, place[0]) for family, _, _, _, place in found)


def is_ours(family: int, host: str | int) -> bool:
    """Only addresses of this machine can be bound."""
    with socket.socket(family) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def why_not(address: Address) -> str | None:
    """None when something listens there; else one phrase. TLS is left to the client."""
    parts = urlsplit(address.url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(parts.path)
        elif parts.scheme in {"tcp", "http", "https"}:
            port = parts.port or (2376 if address.tls else 2375)
            socket.create_connection((parts.hostname or "localhost", port), PATIENCE).close()
        else:
            return "this is no address of an engine; one is unix://PATH or tcp://HOST:PORT"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None
