"""Where the engine is looked for, and what is said when none answers."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from localdlc.errors import EngineUnavailable
from localdlc.run.engine_address import Address, Tls, candidates, find_engine, why_not


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path: the address of a Unix socket has a hundred characters."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def listening(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


def context(home: Path, name: str, host: str, *, tls: bool = False, skip: bool = False) -> Path:
    """A docker context as the docker command line stores it."""
    config = home / ".docker"
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts/meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip}
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    if tls:
        folder = config / "contexts/tls" / digest / "docker"
        folder.mkdir(parents=True)
        for file in ("ca.pem", "cert.pem", "key.pem"):
            (folder / file).touch()
        return folder
    return config


def found(home: Path, **variables: str) -> list[Address]:
    return list(candidates({"HOME": str(home), **variables}))


def test_docker_host_is_the_only_place_when_it_is_set(home: Path) -> None:
    context(home, "other", "unix:///other")
    assert found(home, DOCKER_HOST="tcp://h:1", DOCKER_CONTEXT="other") == [
        Address("tcp://h:1", "DOCKER_HOST", named=True)
    ]


def test_docker_host_with_tls_names_its_files(home: Path) -> None:
    (home / "ca.pem").touch()
    (address,) = found(
        home, DOCKER_HOST="tcp://h:1", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(home)
    )
    assert address.tls == Tls(str(home / "ca.pem"), None, verify=True)


def test_a_context_of_the_environment_or_of_docker_is_the_only_place(home: Path) -> None:
    config = context(home, "remote", "ssh://ann@h")
    expected = [Address("ssh://ann@h", "docker context 'remote'", named=True)]
    assert found(home, DOCKER_CONTEXT="remote") == expected
    (config / "config.json").write_text('{"currentContext": "remote"}')
    assert found(home) == expected
    assert found(home, DOCKER_CONTEXT="default")[0].source == "the usual socket"


@pytest.mark.parametrize("skip", [False, True])
def test_a_context_may_have_tls(home: Path, skip: bool) -> None:
    folder = context(home, "c", "tcp://h:2376", tls=True, skip=skip)
    (address,) = found(home, DOCKER_CONTEXT="c")
    files = [str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")]
    assert address.tls == Tls(files[0], (files[1], files[2]), verify=not skip)


@pytest.mark.parametrize("meta", [None, "{", "{}", "[]"])
def test_a_context_that_cannot_be_read_is_told_by_name(home: Path, meta: str | None) -> None:
    context(home, "broken", "x")
    (file,) = (home / ".docker").rglob("meta.json")
    file.write_text(meta) if meta else file.unlink()
    with pytest.raises(EngineUnavailable, match="the docker context 'broken' cannot be read"):
        found(home, DOCKER_CONTEXT="broken")


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_docker_configuration_without_a_context_means_the_usual_places(
    home: Path, content: str
) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(content)
    assert [a.url for a in found(home, XDG_RUNTIME_DIR="/run/user/1")] == [
        "unix:///var/run/docker.sock",
        "unix:///run/user/1/docker.sock",
        f"unix://{home}/.docker/run/docker.sock",
        f"unix://{home}/.colima/default/docker.sock",
        "unix:///run/user/1/podman/podman.sock",
    ]
    assert not any(a.named for a in found(home))


def test_the_socket_that_answers_is_taken(home: Path) -> None:
    with listening(home / "engine.sock"):
        address = find_engine({"HOME": str(home), "DOCKER_HOST": f"unix://{home}/engine.sock"})
    assert address.url == f"unix://{home}/engine.sock"


def test_an_address_answers_when_something_listens_there(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert why_not(Address(f"tcp://127.0.0.1:{port}", "")) is None
    assert why_not(Address(f"tcp://127.0.0.1:{port}", "")) == "Connection refused"
    assert why_not(Address(f"unix://{home}/none", "")) == "No such file or directory"
    assert why_not(Address("tcp://h:port", "")) is not None
    assert why_not(Address("ssh://h", "")) is None


def test_another_engine_never_stands_in_for_a_named_one(home: Path) -> None:
    with listening(home / ".docker/run/docker.sock"), pytest.raises(EngineUnavailable) as error:
        find_engine({"HOME": str(home), "DOCKER_HOST": f"unix://{home}/none"})
    assert str(error.value).splitlines() == [
        "no container engine answers. Tried:",
        f"  unix://{home}/none (DOCKER_HOST): No such file or directory",
        "Start Docker, or point DOCKER_HOST or DOCKER_CONTEXT at a running engine.",
    ]
