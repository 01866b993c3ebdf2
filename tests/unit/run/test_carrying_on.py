"""A job whose supervisor is gone, from where it is: on the fake engine, with a clock of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from threading import Event as Flag
from typing import Any

import pytest
from clocked import PATIENCE, Clocked, by_name, until_stopped
from given import JOB_ID, planned, request, short

from localdlc.job.finding import find, unfit
from localdlc.plan.model import Plan
from localdlc.record.events import (
    Event,
    Log,
    Note,
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)
from localdlc.record.view import fold
from localdlc.run.engine import EngineGone
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script
from localdlc.run.settings import Settings
from localdlc.run.signals import Signals
from localdlc.run.supervisor import Preparation, Supervisor

START = datetime(2026, 1, 1, tzinfo=UTC)
SUBNET = IPv4Network("10.9.0.0/28")


class Killed(BaseException):
    """What a supervisor does not survive."""


@dataclass
class Story:
    """The records of a job, over the supervisors that it has."""

    records: list[Record] = field(default_factory=list)
    stored: dict[str, list[bytes]] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        time = START + timedelta(seconds=len(self.records))
        if isinstance(event, Log):
            self.stored.setdefault(short(event.pod_id), []).extend(event.data.splitlines(True))
        self.records.append(Record(len(self.records), time, JOB_ID, event))

    def of(self, kind: type[Event]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    @property
    def statuses(self) -> str:
        return " ".join(event.to for event in self.of(StatusChanged))


class Abandoned(FakeEngine):
    """An engine that a dead supervisor does not tidy up."""

    alive = True

    def remove(self, container_id: str) -> None:
        if self.alive:
            super().remove(container_id)

    def signal(self, container_id: str, name: Any) -> None:
        if self.alive:
            super().signal(container_id, name)

    def remove_network(self, name: str) -> None:
        if self.alive:
            super().remove_network(name)


@dataclass
class Job:
    plan: Plan
    engine: Abandoned
    story: Story = field(default_factory=Story)
    placed: Plan | None = None

    def until(self, wanted: Any) -> None:
        """A supervisor that is killed as soon as ``wanted`` says so of an event."""

        def emit(event: Event) -> None:
            if not self.engine.alive:
                return
            self.story(event)
            if wanted(event):
                self.engine.alive = False
                raise Killed

        def place(plan: Plan) -> None:
            self.placed = plan

        settings, before = Settings("digest", [SUBNET]), Preparation(placed=place)
        with pytest.raises(Killed):
            Supervisor(self.plan, self.engine, emit, settings, preparation=before).run()

    def carry_on(self, seconds: float = 0.0) -> None:
        self.engine.alive = True
        assert self.placed
        view = fold(self.story.records)
        things = self.engine.leftovers("digest")
        assert unfit(view, self.placed, things) == ""
        now = START + timedelta(seconds=len(self.story.records) + seconds)
        found = find(self.placed, view, self.story.records, things, self._lines, now)
        settings = Settings("digest", [SUBNET])
        Supervisor(self.placed, self.engine, self.story, settings).carry_on(found)

    def _lines(self, pod_id: str, attempt: int) -> Mapping[Any, int]:
        return {"stdout": len(self.story.stored.get(short(pod_id), ()))}

    @property
    def end(self) -> tuple[str, str]:
        view = fold(self.story.records)
        return view.status, short(view.deciding_replica or "")


def job(script: Script, roles: Mapping[str, int], **members: Any) -> Job:
    return Job(planned(request(dict(roles), **members)), Abandoned(script))


def counting(flag: Flag) -> Script:
    def run(replica: FakeReplica) -> int:
        for n in range(5):
            replica.write(b"%d\n" % n)
        assert flag.wait(PATIENCE)
        for n in range(5, 10):
            replica.write(b"%d\n" % n)
        return 0

    return run


def said(text: bytes) -> Any:
    return lambda event: isinstance(event, Log) and text in event.data


def test_output_goes_on_where_it_was_and_the_job_has_its_verdict() -> None:
    flag = Flag()
    carried = job(counting(flag), {"Worker": 2})
    carried.until(said(b"4\n"))
    flag.set()
    carried.carry_on()
    lines = [b"%d\n" % n for n in range(10)]
    assert carried.story.stored == {"master-0": lines, "worker-0": lines}
    assert carried.end[0] == "Succeeded"
    assert carried.story.statuses == "Creating EnvPreparing Running Succeeded"
    assert len(carried.story.of(ReplicaStarted)) == 2
    assert (carried.engine.containers, carried.engine.networks) == ({}, {})


@pytest.mark.parametrize(
    "moment",
    [
        lambda event: isinstance(event, ReplicaStarted),
        lambda event: isinstance(event, StatusChanged) and event.to == "Running",
        lambda event: isinstance(event, ReplicaExited),
    ],
    ids=["started", "running", "exited"],
)
def test_wherever_it_was_killed_every_replica_is_judged_once(moment: Any) -> None:
    carried = job(by_name(worker_0=lambda _: 3), {"Worker": 3})
    carried.until(moment)
    carried.carry_on()
    assert carried.end == ("Failed", "worker-0")
    ends = [event.pod_id for event in carried.story.of(ReplicaExited)]
    assert len(ends) == len(set(ends))
    starts = [event.pod_id for event in carried.story.of(ReplicaStarted)]
    assert len(starts) == len(set(starts))
    assert carried.engine.containers == {}


def test_what_was_told_to_stop_is_no_failure_of_its_own() -> None:
    """Its supervisor had decided, and died before it heard of the others' ends."""
    carried = job(by_name(worker_0=lambda _: 3, master_0=until_stopped), {"Worker": 2})
    carried.until(lambda event: isinstance(event, ReplicaExited))
    for replica in carried.engine.containers.values():
        replica.deliver("SIGTERM")
        replica.wait()
    carried.carry_on()
    assert carried.end == ("Failed", "worker-0")
    ends = {short(e.pod_id): e.stopped_by_us for e in carried.story.of(ReplicaExited)}
    assert ends == {"worker-0": False, "master-0": True}


def test_a_stop_is_finished() -> None:
    carried = job(until_stopped, {"Worker": 2})
    carried.until(lambda event: isinstance(event, StatusChanged) and event.to == "Running")
    carried.story(StopRequested("somebody"))
    carried.carry_on()
    assert carried.end[0] == "Stopped"
    assert carried.story.statuses.endswith("Running Stopping Stopped")


def test_a_deadline_counts_from_when_the_job_began_to_run() -> None:
    carried = job(until_stopped, {"Worker": 1}, JobMaxRunningTimeMinutes=10)
    carried.until(lambda event: isinstance(event, StatusChanged) and event.to == "Running")
    carried.carry_on(seconds=601)
    assert carried.end[0] == "Failed"
    assert "active longer" in fold(carried.story.records).reason_message


def test_a_container_that_is_gone_is_a_lost_replica() -> None:
    carried = job(until_stopped, {"Worker": 2})
    carried.until(lambda event: isinstance(event, StatusChanged) and event.to == "Running")
    gone = next(iter(carried.engine.containers))
    del carried.engine.containers[gone]
    carried.carry_on()
    assert carried.end[0] == "Failed"
    assert [event.reason for event in carried.story.of(ReplicaLost)] == ["its container is gone"]


def test_what_had_not_been_created_is_no_job_to_carry_on() -> None:
    plan = planned(request({"Worker": 1})).placed(SUBNET)
    view = fold([Record(0, START, JOB_ID, StatusChanged("", "Creating"))])
    assert "worker-0" in unfit(view, plan, ()) or "master-0" in unfit(view, plan, ())


# an engine that goes in the middle


class Going(FakeEngine):
    """Breaks every stream once, is gone for a while, and has gone on meanwhile."""

    def __init__(self, script: Script, back: bool) -> None:
        super().__init__(script)
        self._back = back
        self.answers = 0
        self.gone = Flag()

    def attach(self, container_id: str) -> Any:
        output = super().attach(container_id)
        return Broken(output, self.gone)

    def ended_within(self, container_id: str, seconds: float) -> bool:
        if self.gone.is_set():
            raise EngineGone("nobody answers")
        return super().ended_within(container_id, seconds)

    def describe(self) -> Any:
        self.answers += 1
        if not self._back or self.answers < 3:
            raise EngineGone("nobody answers")
        self.gone.clear()
        return super().describe()


class Broken:
    def __init__(self, output: Any, gone: Flag) -> None:
        self._output = output
        self._gone = gone

    def __iter__(self) -> Any:
        yield next(iter(self._output))
        self._gone.set()

    def close(self) -> None:
        self._output.close()


def writes(replica: FakeReplica) -> int:
    for n in range(10):
        replica.write(b"%d\n" % n)
    return 0


def test_an_engine_that_comes_back_has_cost_no_line() -> None:
    run = Clocked(planned(request({"Worker": 1})), Going(writes, back=True), lambda event: 0.0)
    assert run.run().status == "Succeeded"
    assert b"".join(log.data for log in run.of(Log)) == b"".join(b"%d\n" % n for n in range(10))
    told = [note.text for note in run.of(Note)]
    assert any(text.startswith("the engine is gone; it is waited for") for text in told)
    assert any(text.startswith("the engine is back after") for text in told)


def test_an_engine_that_does_not_come_back_is_not_waited_for_for_ever() -> None:
    run = Clocked(planned(request({"Worker": 1})), Going(writes, back=False), lambda event: 0.0)
    assert run.run(engine_patience=1.0).status == "Failed"
    assert [lost.reason for lost in run.of(ReplicaLost)] == [
        "the engine was not back after 1 s (nobody answers)"
    ]


# clocks


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_a_clock_that_is_set_while_replicas_stop_makes_no_failure_of_it(hours: int) -> None:
    shift = [timedelta()]

    def now() -> datetime:
        return datetime.now(UTC) + shift[0]

    signals = Signals(FakeEngine(lambda _: 0), lambda message: None, now)
    signals.send({JOB_ID: "container"}, "SIGTERM")
    shift[0] = timedelta(hours=hours)
    assert signals.ended_by_us("container", now())
    assert not signals.ended_by_us("other", now())
    signals.close()


def test_who_ended_before_it_was_told_ended_by_itself() -> None:
    signals = Signals(FakeEngine(lambda _: 0), lambda message: None)
    before = datetime.now(UTC)
    signals.send({JOB_ID: "container"}, "SIGTERM")
    assert not signals.ended_by_us("container", before)
    signals.close()
