"""JobReservedMinutes on the fake engine: who is held, for how long, and what that is called."""

from __future__ import annotations

from threading import Semaphore
from typing import Any

import pytest
from clocked import Clocked, by_name, until_stopped
from given import JOB_ID, planned, request, short

from localdlc.record.events import Event, Note, ReplicaExited, StatusChanged, StopRequested
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script

pytestmark = pytest.mark.usefixtures("alone")


class Held:
    """A job that is reserved for two minutes; ``entered`` are the replicas that ran once more."""

    def __init__(self, home: Any, script: Script, policy: str | None, **settings: Any) -> None:
        reserved = {"JobReservedMinutes": 2, "JobReservedPolicy": policy}
        body = request({"Worker": 2}, Settings=reserved)
        self.plan = planned(body, home=home, **settings)
        self.entered: list[str] = []
        self._come_in = Semaphore(0)
        self._script = script
        self._seen: set[str] = set()
        self.job = Clocked(self.plan, FakeEngine(self._run), self.passes)
        self.stop_early = False

    def _run(self, replica: FakeReplica) -> int:
        if replica.spec.name in self._seen:
            self.entered.append(short(replica.spec.name))
            self._come_in.release()
            return until_stopped(replica)
        self._seen.add(replica.spec.name)
        return self._script(replica)

    def passes(self, event: Event) -> float:
        """As soon as they are held, time is up, or somebody has had enough."""
        if isinstance(event, Note) and event.text.startswith("held for"):
            for _ in event.text.rpartition(": ")[2].split(", "):
                assert self._come_in.acquire(timeout=10)
            if self.stop_early:
                self.job.control.stop("SIGINT")
                return 0.0
            return self.plan.reserved.seconds if self.plan.reserved else 0.0
        return 0.0


@pytest.mark.parametrize("policy", [None, "Always", "OnSucceed"])
def test_replicas_are_held_after_success_and_then_the_job_has_succeeded(
    tmp_path: Any, policy: str | None
) -> None:
    held = Held(tmp_path, by_name(), policy)
    assert held.job.run().status == "Succeeded"
    assert held.job.statuses == "Creating EnvPreparing Running SucceededReserving Succeeded"
    assert sorted(held.entered) == ["master-0", "worker-0"]
    assert held.job.of(StatusChanged)[-2].reason_code == "JobSucceeded"
    assert len(held.job.of(ReplicaExited)) == 2
    assert (held.job.engine.containers, held.job.engine.networks) == ({}, {})


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
def test_replicas_are_held_after_a_failure(tmp_path: Any, policy: str) -> None:
    held = Held(tmp_path, by_name(worker_0=lambda _: 3, master_0=until_stopped), policy)
    finish = held.job.run()
    assert (finish.status, finish.deciding_replica) == ("Failed", f"{JOB_ID}-worker-0")
    assert held.job.statuses == "Creating EnvPreparing Running FailedReserving Failed"
    assert held.job.view.replicas[f"{JOB_ID}-worker-0"].exit_code == 3


@pytest.mark.parametrize(("policy", "code"), [("OnFailure", 0), ("OnSucceed", 1)])
def test_who_is_not_meant_is_not_held(tmp_path: Any, policy: str, code: int) -> None:
    held = Held(tmp_path, lambda _: code, policy)
    held.job.run()
    assert "Reserving" not in held.job.statuses
    assert held.entered == []
    assert not (tmp_path / "jobs" / JOB_ID / "reserved").exists()


def test_a_stop_ends_it_early_and_changes_no_verdict(tmp_path: Any) -> None:
    held = Held(tmp_path, by_name(), "Always")
    held.stop_early = True
    assert held.job.run().status == "Succeeded"
    assert held.job.now == 0.0
    assert [event.by for event in held.job.of(StopRequested)] == ["SIGINT"]


def test_who_asks_for_a_stop_before_waits_for_no_reservation(tmp_path: Any) -> None:
    """The verdict is known, and a replica takes its time to end."""
    held = Held(tmp_path, by_name(master_0=lambda _: 1, worker_0=until_stopped), "Always")
    told = held.passes

    def passes(event: Event) -> float:
        if isinstance(event, ReplicaExited) and event.exit_code == 1:
            held.job.control.stop("SIGINT")
        return told(event)

    held.job.jump = passes
    held.job.run()
    assert held.job.statuses == "Creating EnvPreparing Running Failed"


def test_a_job_that_was_stopped_is_not_held(tmp_path: Any) -> None:
    held = Held(tmp_path, until_stopped, "Always")
    held.job.control.stop("SIGINT")
    assert held.job.run().status == "Stopped"
    assert held.entered == []


def test_scaled_minutes_are_seconds(tmp_path: Any) -> None:
    held = Held(tmp_path, by_name(), "Always", time_scale=60.0)
    assert held.plan.reserved
    assert held.plan.reserved.seconds == 2.0
    assert "--time-scale 60: a minute takes 1 s." in held.plan.notes


def test_a_replica_sees_the_mark_only_when_it_is_held(tmp_path: Any) -> None:
    held = Held(tmp_path, by_name(), "Always")
    assert held.plan.reserved
    (mount,) = {m for r in held.plan.replicas for m in r.mounts}
    assert (mount.target, mount.read_only) == ("/run/localdlc-reserved", True)
    held.job.run()
    assert not (tmp_path / "jobs" / JOB_ID / "reserved").exists()
