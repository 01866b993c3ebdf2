"""The engine goes away in the middle, breaks its promises, or talks nonsense."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from uuid import uuid4

import docker
import pytest
from dumb_engine import DumbEngine
from engines import CommandLine, job, things

from localdlc.run.engine_address import find_engine

pytestmark = pytest.mark.servers


class Proxy:
    """Stands between localdlc and the engine, and can be torn down at any moment."""

    def __init__(self, path: Path, engine: str) -> None:
        self.host = f"unix://{path}"
        self._engine = engine
        self._path = path
        self._open: list[socket.socket] = []
        self.listen()

    def listen(self) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._path))
        self._server.listen(64)
        Thread(target=self._serve, daemon=True).start()

    def turn_away(self) -> None:
        """Nobody new; who is there already is still served, as by a dockerd that is ending."""
        self._path.unlink()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 16):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)

    def tear_down(self) -> None:
        for end in (self._server, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def proxy(tmp_path: Path, docker_client: docker.APIClient) -> Iterator[Proxy]:
    import os

    path = find_engine(os.environ).url.removeprefix("unix://")
    made = Proxy(tmp_path / "proxy.sock", path)
    yield made
    made.tear_down()


@pytest.mark.engine
def test_an_engine_that_vanishes_fails_the_job_and_gc_tidies_up_later(
    localdlc: CommandLine, proxy: Proxy, docker_client: docker.APIClient
) -> None:
    request = job("echo up; sleep 60", {"Master": 1, "Worker": 1})
    patience = {"DOCKER_HOST": proxy.host, "LOCALDLC_ENGINE_PATIENCE": "2"}
    going = localdlc.start_job(request, "--job-id", "dlcvanish", **patience)
    going.wait_for("master-0 | up").wait_for("worker-0 | up")
    proxy.tear_down()
    done = going.finish()
    assert done.code == 1
    assert "master-0 was lost" in done.err
    assert "worker-0 was lost" in done.err
    assert "the engine is gone; it is waited for, 2 s at most" in done.err
    assert "`localdlc gc` will remove it" in done.err
    assert "Traceback" not in done.err
    assert " Failed " in localdlc("list").text
    localdlc("gc")
    assert not any("dlcvanish" in name for name in things(docker_client).values())


@pytest.mark.engine
def test_an_engine_that_is_ending_is_waited_for(localdlc: CommandLine, proxy: Proxy) -> None:
    body = job("echo up; sleep 2")
    body["JobSpecs"][0] |= {"EcsSpec": "", "ResourceConfig": {"GPU": "1"}}
    gpu = {"index": 0, "uuid": f"GPU-{uuid4()}", "devices": ["/dev/null"]}
    here = {"DOCKER_HOST": proxy.host, "LOCALDLC_GPU_INVENTORY": json.dumps([gpu])}
    going = localdlc.start_job(body, **here)  # which has asked the engine what it is
    going.wait_for("master-0 | up")
    proxy.turn_away()
    going.wait_for("the engine is gone; it is waited for, 120 s at most")
    proxy.listen()
    done = going.finish()
    assert done.code == 0, done.err
    assert "the engine is back after" in done.err


class Babbler(DumbEngine):
    """Speaks HTTP as far as a table says, then hangs up."""

    def __init__(self, path: Path, answers: dict[str, bytes]) -> None:
        self._answers = answers
        super().__init__(path)

    def answer(self, near: socket.socket, asked: bytes) -> None:
        said = (a for part, a in self._answers.items() if part in asked.decode())
        near.sendall(next(said, b""))


def http(status: str, body: bytes, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    size = len(body) if length is None else length
    return head.encode() + b"Content-Length: %d\r\n\r\n" % size + body


VERSION = http("200 OK", b'{"ApiVersion": "1.41", "Version": "20.10"}')
NONE = http("200 OK", b"[]")
NO_IMAGE = http("404 Not Found", b'{"message": "No such image: x"}')
PULLING = b'{"status": "Pulling fs layer", "id": "a"}\r\n'

NONSENSE = {
    "hangs up at once": {},
    "is no engine": {"/version": http("200 OK", b"<html>hello</html>")},
    "is too old": {"/version": http("200 OK", b'{"ApiVersion": "1.12"}')},
    "fails every call": {
        "/version": VERSION,
        " /": http("500 Internal Server Error", b'{"message": "disk is full"}'),
    },
    "hangs up in the middle of a pull": {
        "/version": VERSION,
        "/networks": NONE,
        "/containers": NONE,
        "/images/create": http("200 OK", PULLING, length=10_000),
        "/images/json": NONE,
        "/images/": NO_IMAGE,
    },
    "talks nonsense in the middle of a pull": {
        "/version": VERSION,
        "/networks": NONE,
        "/containers": NONE,
        "/images/create": http("200 OK", PULLING + b"<html>a proxy says no</html>\r\n"),
        "/images/json": NONE,
        "/images/": NO_IMAGE,
    },
}


@pytest.mark.parametrize("answers", NONSENSE.values(), ids=NONSENSE)
def test_an_engine_that_makes_no_sense_is_an_error_in_words(
    localdlc: CommandLine, tmp_path: Path, answers: dict[str, bytes]
) -> None:
    babbler = Babbler(tmp_path / "babbler.sock", answers)
    try:
        done = localdlc.run(job("true"), DOCKER_HOST=babbler.host)
    finally:
        babbler.close()
    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    assert "a bug in localdlc" not in done.err
