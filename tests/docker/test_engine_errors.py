"""Whatever docker-py and its libraries raise becomes one of our errors, in words."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import docker.errors
import pytest
import requests.exceptions
import urllib3.exceptions
from engines import CommandLine, job

from localdlc.errors import EngineUnavailable, ImageError, LocaldlcError
from localdlc.run.docker_errors import FOREIGN, speaking

THEIRS = sorted(
    {
        found
        for module in (docker.errors, requests.exceptions)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Exception)
        if found.__module__ == module.__name__ and not issubclass(found, Warning)
    },
    key=str,
)


@pytest.mark.parametrize("theirs", THEIRS, ids=lambda c: f"{c.__module__}.{c.__name__}")
def test_every_exception_of_theirs_is_one_of_ours(theirs: type[Exception]) -> None:
    assert any(issubclass(theirs, covered) for covered, _ in FOREIGN)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (docker.errors.ImageNotFound("no such image"), ImageError),
        (docker.errors.APIError("refused"), EngineUnavailable),
        (docker.errors.NotFound("no such container"), EngineUnavailable),
        (requests.exceptions.ConnectionError("connection aborted"), EngineUnavailable),
        (urllib3.exceptions.ProtocolError("connection broken"), EngineUnavailable),
        (json.JSONDecodeError("no JSON", "<html>", 0), EngineUnavailable),
    ],
    ids=lambda e: type(e).__name__ if isinstance(e, Exception) else e.__name__,
)
def test_an_error_says_what_we_did_and_what_they_said(
    theirs: Exception, ours: type[LocaldlcError]
) -> None:
    with pytest.raises(ours, match=f"cannot do this: .*{str(theirs)[:8]}"), speaking("do this"):
        raise theirs


def test_no_foreign_class_hides_behind_a_wider_one() -> None:
    for position, (theirs, _) in enumerate(FOREIGN):
        assert not any(issubclass(theirs, wider) for wider, _ in FOREIGN[:position])


# an engine that cannot be reached


def test_a_socket_that_nobody_serves_is_named(localdlc: CommandLine, tmp_path: Path) -> None:
    done = localdlc.run(job("true"), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.code == 3
    assert f"unix://{tmp_path}/none.sock (DOCKER_HOST): No such file or directory" in done.err
    assert "Start Docker" in done.err


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"DOCKER_HOST": "tcp://127.0.0.1:1"},
            "tcp://127.0.0.1:1 (DOCKER_HOST): Connection refused",
        ),
        ({"DOCKER_HOST": "nonsense"}, "nonsense"),
        ({"DOCKER_HOST": "ssh://somebody@nowhere.invalid"}, "ssh"),
        ({"DOCKER_CONTEXT": "elsewhere", "DOCKER_HOST": ""}, "docker context 'elsewhere'"),
    ],
    ids=["refused", "nonsense", "ssh", "context"],
)
def test_an_address_that_leads_nowhere_is_named(
    localdlc: CommandLine, variables: dict[str, str], told: str
) -> None:
    done = localdlc.run(job("true"), **variables)
    assert done.code == 3
    assert told in done.err
    assert "Traceback" not in done.err


def test_tls_material_that_is_none_is_an_error_in_words(
    localdlc: CommandLine, tmp_path: Path
) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing of the kind\n")
    variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        done = localdlc.run(job("true"), DOCKER_HOST=host, **variables)
    assert done.code == 3
    assert host in done.err
