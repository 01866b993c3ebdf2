"""Where the engine is looked for, and what is said when none answers."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from localdlc.errors import EngineUnavailable
from localdlc.run import engine_address
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


def test_docker_tls_encrypts_without_asking_who_answers(home: Path) -> None:
    (home / "ca.pem").touch()
    (address,) = found(home, DOCKER_HOST="tcp://h:1", DOCKER_TLS="1", DOCKER_CERT_PATH=str(home))
    assert address.tls == Tls(str(home / "ca.pem"), None, verify=False)


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


NO_HOST = '{"Endpoints": {"docker": {}}}'


@pytest.mark.parametrize("meta", [None, "{", "{}", "[]", NO_HOST])
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
        f"unix://{home}/.docker/desktop/docker.sock",
        f"unix://{home}/.colima/default/docker.sock",
        "unix:///run/user/1/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]
    assert not any(a.named for a in found(home))


def test_without_a_session_the_users_own_sockets_are_where_they_always_are(home: Path) -> None:
    assert found(home)[1].url == f"unix:///run/user/{os.getuid()}/docker.sock"


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


@pytest.mark.parametrize(
    "url", ["localhost:2375", "npipe:////./pipe/docker_engine", "/var/run/d.sock"]
)
def test_what_is_no_address_is_told_with_what_is_one(home: Path, url: str) -> None:
    with pytest.raises(EngineUnavailable, match=r"one is unix://PATH or tcp://HOST:PORT"):
        find_engine({"HOME": str(home), "DOCKER_HOST": url})


def test_another_engine_never_stands_in_for_a_named_one(home: Path) -> None:
    with listening(home / ".docker/run/docker.sock"), pytest.raises(EngineUnavailable) as error:
        find_engine({"HOME": str(home), "DOCKER_HOST": f"unix://{home}/none"})
    assert str(error.value).splitlines() == [
        "no container engine answers. Tried:",
        f"  unix://{home}/none (DOCKER_HOST): No such file or directory",
        "Start Docker, or point DOCKER_HOST or DOCKER_CONTEXT at a running engine.",
    ]


def test_who_may_not_use_it_is_told_how_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_address, "why_not", lambda address: "Permission denied")
    with pytest.raises(
        EngineUnavailable, match=r"\(the usual socket\): Permission denied\n"
    ) as told:
        find_engine({"HOME": str(home)})
    assert "usermod -aG docker" in str(told.value)


# other machines


@pytest.mark.parametrize("url", ["ssh://ann@h", "tcp://192.0.2.7:2376", "https://192.0.2.7"])
def test_an_engine_of_another_machine_is_refused(home: Path, url: str) -> None:
    """192.0.2.0/24 is for documents: no machine has it."""
    context(home, "far", url)
    with pytest.raises(EngineUnavailable) as error:
        find_engine({"HOME": str(home), "DOCKER_CONTEXT": "far"})
    said = str(error.value)
    assert said.startswith(f"{url} (docker context 'far') is an engine of another machine.")
    assert "Run localdlc on that machine" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", socket.gethostname()])
def test_an_engine_of_this_machine_may_be_at_a_port(home: Path, host: str) -> None:
    with socket.create_server(("", 0)) as server:
        url = f"tcp://{host}:{server.getsockname()[1]}"
        assert find_engine({"HOME": str(home), "DOCKER_HOST": url}).url == url


def test_a_name_that_nobody_knows_is_a_failure_like_others(home: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"tcp://no-such-host.invalid:1 \(DOCKER_HOST\): "):
        find_engine({"HOME": str(home), "DOCKER_HOST": "tcp://no-such-host.invalid:1"})
