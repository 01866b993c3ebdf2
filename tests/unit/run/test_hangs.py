"""When stacks are taken: of silent replicas, and of those that a failure leaves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue

import pytest

from localdlc.errors import UsageError
from localdlc.record.events import Event, Log, ReplicaExited, ReplicaStarted
from localdlc.run.engine import ContainerSpec
from localdlc.run.errands import Errands
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.run.found import Found, FoundContainer
from localdlc.run.hangs import Hangs
from localdlc.run.stacks import Stacks, find_py_spy
from localdlc.why.stacks import MARK, Stack

Told = tuple[str, list[str], list[str]]
DUMP = f'{MARK}1 python3 t.py\n[{{"thread_name": "MainThread", "frames": []}}]\n'.encode()


class Job:
    """Two replicas on a fake engine, and a clock that stands still until it is told."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.now = 0.0
        self.reports: SimpleQueue[Told] = SimpleQueue()
        self.hangs_seen: SimpleQueue[str] = SimpleQueue()
        self.emitted: list[Event] = []
        self.errands: list[ContainerSpec] = []
        self.engine = FakeEngine(lambda replica: 0, errands=self._errand)
        errands = Errands(self.engine, "dlc1", "home")
        images = {"dlc1-w-0": "i:0", "dlc1-w-1": "i:1"}
        taken = Stacks(images, errands, lambda pod: pod.removeprefix("dlc1-"), "/py-spy")
        on_hang = lambda: self.hangs_seen.put("hang")  # noqa: E731
        self.hangs = Hangs(taken, seconds, self._report, on_hang, lambda: self.now)
        self.emit = self.hangs.heard(self.emitted.append)

    def _errand(self, replica: FakeReplica) -> int:
        self.errands.append(replica.spec)
        replica.write(DUMP)
        return 0

    def _report(self, reason: str, stacks: Sequence[Stack], pods: Sequence[str]) -> None:
        self.reports.put((reason, sorted(stack.replica for stack in stacks), sorted(pods)))

    def start(self) -> None:
        for n in range(2):
            self.emit(ReplicaStarted(f"dlc1-w-{n}", "u", 1, f"c{n}", "ip"))

    def end(self, n: int, code: int, *, ours: bool = False) -> None:
        at = datetime.now(UTC)
        self.emit(ReplicaExited(f"dlc1-w-{n}", 1, code, False, None, ours, at))


@pytest.fixture
def job() -> Job:
    return Job()


def test_all_are_looked_at_once_when_all_are_silent() -> None:
    job = Job(seconds=0.01)
    job.start()
    job.now = 1.0
    reason, seen, pods = job.reports.get(timeout=10)
    assert reason == "no replica has written anything for 0.01 s"
    assert (seen, pods) == (["w-0", "w-1"], ["dlc1-w-0", "dlc1-w-1"])
    assert job.hangs_seen.get(timeout=10) == "hang"
    assert {spec.processes for spec in job.errands} == {"container:c0", "container:c1"}
    assert {spec.rights.added for spec in job.errands} == {("SYS_PTRACE",)}
    job.hangs.leave(None)
    assert job.reports.empty()


def test_a_new_line_after_a_silence_may_be_followed_by_another() -> None:
    job = Job(seconds=0.01)
    job.start()
    job.now = 1.0
    job.reports.get(timeout=10)
    job.hangs_seen.get(timeout=10)
    job.emit(Log("dlc1-w-0", 1, "stdout", b"on\n"))
    job.now = 2.0
    assert job.reports.get(timeout=10)[0] == "no replica has written anything for 0.01 s"
    job.hangs.leave(None)


def test_replicas_of_another_supervisor_are_looked_at_too() -> None:
    job = Job(seconds=0.01)
    start = ReplicaStarted("dlc1-w-1", "u", 1, "c1", "ip")
    end = ReplicaExited("dlc1-w-0", 1, 0, False, None, False, datetime.now(UTC))
    ended = FoundContainer("dlc1-w-0", 1, "c0", "exited", replace(start, pod_id="dlc1-w-0"), end)
    runs = FoundContainer("dlc1-w-1", 1, "c1", "running", start)
    job.hangs.go_on(Found("Running", 9.0, 9.0, 0, (ended, runs)))
    job.now = 1.0
    assert job.reports.get(timeout=10)[2] == ["dlc1-w-1"]
    job.hangs.leave(None)


def test_who_is_left_by_a_failure_is_looked_at_before_it_is_stopped(job: Job) -> None:
    stopped: list[tuple[str, str, bool]] = []

    class Signals(FakeEngine):
        def signal(self, container_id: str, name: str) -> None:
            stopped.append((container_id, name, bool(job.errands)))

    engine = job.hangs.under(Signals(lambda replica: 0))
    job.start()
    job.end(0, 3)
    engine.signal("c1", "SIGTERM")
    assert stopped == [("c1", "SIGTERM", True)]
    assert job.reports.get_nowait() == (
        *("dlc1-w-0 has failed, and these were left", ["w-1"], ["dlc1-w-1"]),
    )
    engine.signal("c1", "SIGTERM")
    job.end(1, 143, ours=True)
    assert len(job.errands) == 1
    assert job.reports.empty()


def test_nobody_is_left_by_a_replica_that_begins_anew(job: Job) -> None:
    engine = job.hangs.under(FakeEngine(lambda replica: 0))
    job.start()
    job.end(0, 3)
    job.emit(ReplicaStarted("dlc1-w-0", "u", 2, "c2", "ip"))
    engine.signal("c1", "SIGTERM")
    assert not job.errands
    job.end(1, 4)
    engine.signal("c2", "SIGTERM")
    assert job.reports.get_nowait()[0] == "dlc1-w-1 has failed, and these were left"


def test_nobody_is_looked_at_when_the_user_stops_the_job(job: Job) -> None:
    engine = job.hangs.under(FakeEngine(lambda replica: 0))
    job.start()
    engine.signal("c0", "SIGTERM")
    engine.signal("c1", "SIGKILL")
    job.end(0, 143, ours=True)
    job.end(1, 137, ours=True)
    assert not job.errands
    assert job.reports.empty()


def test_what_is_heard_is_passed_on(job: Job) -> None:
    job.start()
    job.end(0, 0)
    assert [type(event).__name__ for event in job.emitted] == [
        *("ReplicaStarted", "ReplicaStarted", "ReplicaExited"),
    ]


def test_an_engine_that_refuses_is_told_in_the_place_of_a_stack(job: Job) -> None:
    errands = Errands(job.engine, "dlc1", "home")
    errands.call_off()
    taken = Stacks({"dlc1-w-0": "i"}, errands, lambda pod: pod, "/py-spy").take("dlc1-w-0", "c0")
    assert [stack.frames[0][:12] for stack in taken] == ["(no stack: s"]


def test_without_py_spy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_py_spy().endswith("py-spy")
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(UsageError, match=r"pip install 'localdlc\[debug\]'"):
        find_py_spy()
