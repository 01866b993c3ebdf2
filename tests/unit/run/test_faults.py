"""Rehearsed faults on the fake engine: what they do to a job, and what is told of them."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from given import JOB_ID, request, short

import localdlc
from localdlc.job.result import Result
from localdlc.record.events import FaultInjected, Note, Record, ReplicaExited
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script

pytestmark = pytest.mark.usefixtures("alone")
PATIENCE = 20.0


def works(replica: FakeReplica) -> int:
    """Until it is told to end; says how far it is, as a training does."""
    replica.write(b"step=100\n")
    replica.write(b"step=200 loss=0.1\n")
    return 143 if replica.wait_for_signal(PATIENCE) else 0


def deaf(replica: FakeReplica) -> int:
    replica.write(b"step=200\n")
    while replica.wait_for_signal(PATIENCE):
        replica.write(b"no\n")
    return 0


class Told:
    """A job with faults, and everything that was told about it."""

    def __init__(
        self,
        home: Path,
        engine: FakeEngine | Script,
        *faults: str,
        heard: Flag | None = None,
        **more: Any,
    ) -> None:
        """``heard`` is set when a fault has come about, or could not."""
        self.records: list[Record] = []
        self.heard = heard or Flag()
        self.engine = engine if isinstance(engine, FakeEngine) else FakeEngine(engine)
        self.result: Result = localdlc.run(
            request({"Worker": 2}),
            on_event=self.listen,
            engine=self.engine,
            job_id=JOB_ID,
            home=home,
            fault=list(faults),
            **more,
        )
        assert (self.engine.containers, self.engine.networks) == ({}, {})

    def listen(self, record: Record) -> None:
        self.records.append(record)
        if "net-delay" in str(record.event):
            self.heard.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    def end(self, name: str) -> ReplicaExited:
        ends: list[ReplicaExited] = self.of(ReplicaExited)
        return next(end for end in ends if short(end.pod_id) == name)

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.of(Note) if "fault" in note.text]


def test_a_kill_is_a_failure_of_the_replica(tmp_path: Path) -> None:
    told = Told(tmp_path, works, "worker-0:kill@step=200")
    end = told.end("worker-0")
    assert (end.exit_code, end.stopped_by_us) == (137, False)
    assert (told.result.status, told.result.view.deciding_replica) == ("Failed", end.pod_id)
    [fault] = told.of(FaultInjected)
    assert fault == FaultInjected(end.pod_id, 1, "worker-0:kill@step=200", "is killed (SIGKILL)")
    [(time, seen)] = told.result.view.faults
    assert (seen, time) == (fault, next(r.time for r in told.records if r.event == fault))


def test_a_preempted_replica_may_take_its_leave(tmp_path: Path) -> None:
    told = Told(tmp_path, works, "worker-0:preempt@1ms", grace=PATIENCE)
    assert (told.end("worker-0").exit_code, told.end("worker-0").stopped_by_us) == (143, False)


def test_a_preempted_replica_has_not_finished_however_well_it_leaves(tmp_path: Path) -> None:
    def saves(replica: FakeReplica) -> int:
        replica.write(b"step=200\n")
        return 0 if replica.wait_for_signal(PATIENCE) else 1

    told = Told(tmp_path, saves, "worker-0:preempt@step=200", grace=PATIENCE)
    end = told.end("worker-0")
    assert (end.exit_code, end.signal, end.stopped_by_us) == (143, "SIGTERM", False)
    assert (told.result.status, told.result.view.deciding_replica) == ("Failed", end.pod_id)
    assert told.end("master-0").exit_code == 0


def test_a_preempted_replica_that_stays_is_killed(tmp_path: Path) -> None:
    told = Told(tmp_path, deaf, "worker-0:preempt@step=200", grace=0.1)
    assert told.end("worker-0").exit_code == 137


def test_memory_runs_out(tmp_path: Path) -> None:
    told = Told(tmp_path, works, "worker-0:oom")
    assert (told.end("worker-0").exit_code, told.end("worker-0").oom) == (137, True)


class Watched(FakeEngine):
    """Says when what was done to a replica has been taken back."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.resumed, self.joined = Flag(), Flag()

    def resume(self, container_id: str) -> None:
        assert self.containers[container_id].paused
        super().resume(container_id)
        self.resumed.set()

    def join(self, container_id: str, network: str, ip: str) -> None:
        assert self.containers[container_id].cut_off
        super().join(container_id, network, ip)
        self.joined.set()


def test_a_pause_and_a_cut_are_taken_back(tmp_path: Path) -> None:
    def goes_on(replica: FakeReplica) -> int:
        replica.write(b"step=200\n")
        flag = engine.joined if "master" in replica.spec.name else engine.resumed
        return 0 if flag.wait(PATIENCE) else 1

    engine = Watched(goes_on)
    faults = ("worker-0:pause=10ms@step=200", "master-0:net-cut=10ms@step=200")
    told = Told(tmp_path, engine, *faults)
    assert told.result.status == "Succeeded"
    assert {fault.fault for fault in told.of(FaultInjected)} == set(faults)


@pytest.mark.parametrize(("code", "struck"), [(0, True), (3, False)])
def test_a_delay_needs_a_kernel_that_can(tmp_path: Path, code: int, struck: bool) -> None:
    heard = Flag()
    asked: list[Any] = []

    def waits(replica: FakeReplica) -> int:
        return 0 if heard.wait(PATIENCE) else 1

    def netem(replica: FakeReplica) -> int:
        asked.append(replica.spec)
        return code

    engine = FakeEngine(waits, errands=netem)
    told = Told(tmp_path, engine, "worker-0:net-delay=100ms", heard=heard)
    words = ["sends everything later, by 100 ms"] if struck else []
    assert [fault.what for fault in told.of(FaultInjected)] == words
    assert any("kernel has no netem" in note for note in told.notes) is not struck
    assert (asked[0].command[-1], asked[0].rights.added) == ("0.1", ("NET_ADMIN",))


def test_a_fault_that_never_came_is_told(tmp_path: Path) -> None:
    told = Told(tmp_path, lambda _: 0, "worker-0:kill@step=9", "master-0:kill@90s")
    assert told.result.status == "Succeeded"
    assert told.of(FaultInjected) == []
    assert len(told.notes) == 2
    assert "worker-0:kill@step=9 did not come about: its pattern never came" in told.notes[0]


def test_a_restarted_replica_is_struck_once(tmp_path: Path) -> None:
    attempts: list[str] = []

    def crashes(replica: FakeReplica) -> int:
        attempts.append(replica.spec.labels["localdlc.attempt"])
        if replica.spec.labels["localdlc.attempt"] == "1":
            return works(replica)
        replica.write(b"step=200\n")
        return 0

    records: list[Record] = []
    body = request({"Worker": 1})
    body["JobSpecs"][0]["RestartPolicy"] = "OnFailure"
    result = localdlc.run(
        body,
        on_event=records.append,
        engine=FakeEngine(crashes),
        job_id=JOB_ID,
        home=tmp_path,
        fault=["master-0:kill@step=200"],
    )
    assert (result.status, attempts) == ("Succeeded", ["1", "2"])
    assert sum(isinstance(record.event, FaultInjected) for record in records) == 1
