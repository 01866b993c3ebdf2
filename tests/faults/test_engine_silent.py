"""An engine that stops answering: it is told, it is given up, and nobody waits for ever."""

from __future__ import annotations

import re
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import docker
import pytest
from dumb_engine import DumbEngine
from engines import as_json, job

from localdlc.cli.run import stopped_by_signals
from localdlc.config import Config
from localdlc.errors import EngineUnavailable
from localdlc.job.result import Result
from localdlc.record.events import JobFinished, Log, Note, Record, ReplicaStarted
from localdlc.record.store import Store
from localdlc.record.view import JobView, fold
from localdlc.run.calls import Patience
from localdlc.run.control import Control
from localdlc.run.docker_engine import DockerEngine
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.service import Service

pytestmark = pytest.mark.servers

JOB_ID = "dlcsilent"
LONG = 60.0
SOON = 0.1


# a run


class Hangs(FakeEngine):
    """Answers one kind of call only when it is told to."""

    def __init__(self, method: str, script: Callable[[FakeReplica], int] = lambda _: 0) -> None:
        super().__init__(script)
        self.answers = Flag()
        setattr(self, method, partial(self._hang, getattr(self, method)))

    def _hang(self, method: Callable[..., Any], *arguments: Any) -> Any:
        self.answers.wait(LONG)
        return method(*arguments)


def until_killed(replica: FakeReplica) -> int:
    while True:
        replica.wait_for_signal(LONG)


def chats(replica: FakeReplica) -> int:
    while True:
        replica.write(b"and on\n")
        replica.wait_for_signal(SOON / 10)


Reaction = Callable[[Record, Control], object]


def run(home: Path, engine: Hangs, react: Reaction, **patience: float) -> Result:
    """A job of one replica; ``react`` hears of every event."""
    control = Control(Patience(**{"told": LONG, "killed": LONG, "leaving": LONG, **patience}))

    def listen(record: Record, view: JobView) -> None:
        react(record, control)

    try:
        return Service(Config(home=home), engine).create_job(
            as_json(job("true")), job_id=JOB_ID, listeners=[listen], control=control
        )
    finally:
        engine.answers.set()


def is_waiting(record: Record) -> bool:
    return isinstance(record.event, Note) and record.event.text.startswith("waiting for the engine")


@pytest.mark.parametrize(
    ("method", "doing"),
    [
        ("taken_subnets", "list the networks"),
        ("create_network", f"create the network localdlc-{JOB_ID}"),
        ("find_image", "look for the image localdlc/base:latest"),
        ("leftovers", "list what earlier runs left"),
        ("create", f"create the container {JOB_ID}-master-0"),
        ("attach", "attach to a container"),
        ("start", "start a container"),
        ("remove", "remove a container"),
        ("remove_network", f"remove the network localdlc-{JOB_ID}"),
    ],
)
def test_a_call_that_takes_long_is_told_once(tmp_path: Path, method: str, doing: str) -> None:
    engine = Hangs(method)

    def answer(record: Record, control: Control) -> None:
        if is_waiting(record):
            engine.answers.set()

    result = run(tmp_path, engine, answer, told=SOON)
    assert result.status == "Succeeded"
    told = [note for note in result.view.notes if f"waiting for the engine to {doing} (" in note]
    assert len(told) == 1
    assert (engine.containers, engine.networks) == ({}, {})


@pytest.mark.parametrize("method", ["create_network", "create", "start", "remove"])
def test_two_signals_end_a_job_whose_engine_hangs(tmp_path: Path, method: str) -> None:
    def stop_and_kill(record: Record, control: Control) -> None:
        if is_waiting(record):
            control.stop("SIGINT")
            control.kill()

    engine = Hangs(method)
    result = run(tmp_path, engine, stop_and_kill, told=SOON, killed=SOON, leaving=SOON)
    assert result.status == ("Succeeded" if method == "remove" else "Stopped")
    assert result.exit_code == (0 if method == "remove" else 130)
    assert any("`localdlc gc`" in note for note in result.view.notes)


def test_what_is_left_on_an_engine_that_hangs_is_said(tmp_path: Path) -> None:
    def kill(record: Record, control: Control) -> None:
        if isinstance(record.event, JobFinished):
            control.kill()

    result = run(tmp_path, Hangs("remove"), kill, killed=SOON)
    assert re.fullmatch(
        r"the engine was to remove a container \(\d s\) and has not answered. "
        "`localdlc gc` will remove it.",
        result.view.notes[-1],
    )


@pytest.mark.parametrize("script", [until_killed, chats])
def test_a_replica_that_nobody_can_kill_is_lost(
    tmp_path: Path, script: Callable[[FakeReplica], int]
) -> None:
    def kill(record: Record, control: Control) -> None:
        if isinstance(record.event, ReplicaStarted):
            control.stop("SIGTERM")
            control.kill()

    result = run(tmp_path, Hangs("signal", script), kill, killed=SOON, leaving=SOON)
    assert (result.status, result.exit_code) == ("Stopped", 143)
    assert result.replicas["master-0"].lost.startswith("the engine was to send SIGTERM")


def test_output_that_is_read_slowly_is_no_silence_of_the_engine(tmp_path: Path) -> None:
    def write(replica: FakeReplica) -> int:
        for _ in range(10):
            replica.write(b"line\n")
        return until_killed(replica)

    slow, lines = Flag(), 0

    def read_slowly(record: Record, control: Control) -> None:
        nonlocal lines
        if isinstance(record.event, ReplicaStarted):
            control.stop("SIGINT")
            control.kill()
        if isinstance(record.event, Log):
            slow.wait(SOON * 1.5)
            lines += record.event.count

    result = run(tmp_path, Hangs("describe", write), read_slowly, killed=1.0, leaving=1.0)
    assert result.replicas["master-0"].exit_code == 137
    assert lines == 10


@pytest.mark.parametrize("method", ["create_network", "create", "start", "remove"])
def test_who_leaves_a_job_whose_engine_hangs_is_let_go(tmp_path: Path, method: str) -> None:
    def leave(record: Record, control: Control) -> None:
        if is_waiting(record):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Hangs(method), leave, told=SOON, leaving=SOON)
    store = Store(tmp_path)
    assert fold(store.records(JOB_ID)).terminal
    store.close()


def interrupted(times: int, number: signal.Signals) -> None:
    with stopped_by_signals(Control()):
        for _ in range(times):
            signal.raise_signal(number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_third_signal_leaves_with_its_code_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    with pytest.raises(SystemExit) as left:
        interrupted(3, number)
    assert left.value.code == code
    assert "`localdlc gc` removes" in capsys.readouterr().err


# Docker


class Mute(DumbEngine):
    """Says ``greeting``, and then nothing until it may go ``on``.

    What is in ``at_once``, by how a request begins, it answers without thinking. (Not by what it
    holds: the file that a test imports is this one, where every such text stands.)
    """

    def __init__(self, path: Path) -> None:
        self.greeting = self.rest = b""
        self.at_once: dict[bytes, bytes] = {}
        self.on = Flag()
        super().__init__(path)

    def answer(self, near: socket.socket, asked: bytes) -> None:
        for known, answer in self.at_once.items():
            if asked.startswith(known):
                near.sendall(answer)
                return
        near.sendall(self.greeting)
        self.on.wait(LONG)
        near.sendall(self.rest)

    def close(self) -> None:
        self.on.set()
        super().close()


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[Mute]:
    made = Mute(tmp_path / "mute.sock")
    yield made
    made.close()


@pytest.fixture
def silent(mute: Mute) -> Iterator[DockerEngine]:
    client = docker.APIClient(base_url=mute.host, version="1.41")
    client.timeout = SOON  # type: ignore[assignment]  # the stubs want a whole number
    engine = DockerEngine(client, mute.host)
    yield engine
    engine.close()


ASKED: dict[str, Callable[[DockerEngine], object]] = {
    "say what it is": lambda engine: engine.describe(),
    "list the engine's networks": lambda engine: engine.taken_subnets(),
    "look for the image a": lambda engine: engine.find_image("a"),
    "create the network n": lambda e: e.create_network("n", IPv4Network("10.0.0.0/29"), {}),
    "remove the network n": lambda engine: engine.remove_network("n"),
    "start a replica": lambda engine: engine.start("c"),
    "send SIGTERM to a replica": lambda engine: engine.signal("c", "SIGTERM"),
    "remove a replica's container": lambda engine: engine.remove("c"),
    "list what carries our labels": lambda engine: engine.leftovers("home"),
    "list what runs": lambda engine: engine.unended(),
}


@pytest.mark.parametrize("doing", ASKED)
def test_a_short_call_of_docker_ends_in_words(silent: DockerEngine, mute: Mute, doing: str) -> None:
    with pytest.raises(EngineUnavailable) as error:
        ASKED[doing](silent)
    assert str(error.value) == (
        f"the engine at {mute.host} has not answered for 0.1 s; it was asked to {doing}. See "
        "whether `docker ps` answers. If it does not, restart the engine, then run `localdlc gc`."
    )


RUNS = b'{"State":{"Status": "running"}}'
LONG_CALLS: dict[str, Callable[[DockerEngine], object]] = {
    "wait": lambda engine: engine.wait("c"),
    "pull": lambda engine: list(engine.pull_image("a:1")),
    "import": lambda engine: engine.import_image(Path(__file__), "a:1"),
    "build": lambda engine: list(engine.build_image(Path(__file__).parent, "a:1", {})),
}


def unwillingly(call: Callable[[], object]) -> None:
    with suppress(Exception):
        call()


@pytest.mark.parametrize("name", LONG_CALLS)
def test_a_long_call_of_docker_takes_its_time(silent: DockerEngine, mute: Mute, name: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
    mute.rest = head + b"2\r\n\r\n{}"
    mute.at_once = {b"GET /v1.41/containers/c/json": head + b"31\r\n\r\n" + RUNS}
    asking = Thread(target=unwillingly, args=[partial(LONG_CALLS[name], silent)], daemon=True)
    asking.start()
    asking.join(SOON * 3)
    assert asking.is_alive()
    mute.on.set()
    asking.join(LONG)
    assert not asking.is_alive()


def test_a_replica_may_be_silent_for_longer_than_an_answer_takes(
    silent: DockerEngine, mute: Mute
) -> None:
    mute.greeting = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
    mute.rest = struct.pack(">BxxxL", 1, 8) + b"at last\n"
    read: list[object] = []

    def follow() -> None:
        with closing(silent.attach("c")) as output:
            read.extend(output)

    reading = Thread(target=follow, daemon=True)
    reading.start()
    reading.join(SOON * 3)
    assert reading.is_alive()
    mute.on.set()
    reading.join(LONG)
    assert read == [("stdout", b"at last\n")]
