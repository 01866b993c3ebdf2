"""Replicas that wait for others, on the fake engine; what answers is the test's to say."""

from __future__ import annotations

from threading import Event as Flag
from typing import Any

import pytest
from clocked import PATIENCE, Clocked, by_name, until_stopped
from given import JOB_ID, planned, request, short

from localdlc.plan.model import Plan
from localdlc.record.events import ReplicaStarted
from localdlc.run import probes
from localdlc.run.engine import Answer
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.run.probes import listens


def waiting(phase: str, least: str = "", ps: int = 1) -> Plan:
    body = request({"PS": ps, "Worker": 1}, "TFJob")
    after = {"Type": "PS", "OnPhase": phase, "MinReplicas": least}
    body["JobSpecs"][1]["StartupDependencies"] = [after]
    return planned(body)


def started(job: Clocked) -> list[str]:
    return [short(event.pod_id) for event in job.of(ReplicaStarted)]


def job_of(plan: Plan, **scripts: Any) -> Clocked:
    return Clocked(plan, FakeEngine(by_name(**scripts)), lambda event: 0.0)


def nobody(address: str, port: int) -> bool:
    return False


def test_a_worker_starts_when_something_answers_at_the_port() -> None:
    listening = Flag()
    asked: list[tuple[str, int]] = []

    def serves(replica: FakeReplica) -> int:
        listening.set()
        return until_stopped(replica)

    def reach(address: str, port: int) -> bool:
        asked.append((address, port))
        return listening.is_set()

    job = job_of(waiting("ServiceReady"), ps_0=serves)
    assert job.run(reach=reach).status == "Succeeded"
    assert started(job) == ["ps-0", "worker-0"]
    address = next(event.ip for event in job.of(ReplicaStarted))
    assert set(asked) == {(address, 2222)}


def test_where_no_way_leads_to_the_replica_it_is_asked_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "EVERY", 0.01)
    table = "sl local rem st\n 0: 00000000:08AE 00000000:0000 0A\n"
    commands: list[tuple[str, ...]] = []

    def answers(replica: FakeReplica, command: tuple[str, ...]) -> Answer:
        commands.append(command)
        return Answer(0, table.encode())

    engine = FakeEngine(by_name(ps_0=until_stopped), commands=answers)
    job = Clocked(waiting("ServiceReady"), engine, lambda event: 0.0)
    assert job.run(reach=nobody).status == "Succeeded"
    assert commands == [("cat", "/proc/net/tcp", "/proc/net/tcp6")]


def test_a_port_is_open_when_the_kernel_says_so_and_not_for_itself_alone() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue\n"
    anywhere = f"{head}   0: 00000000:5BA0 00000000:0000 0A 00000000:00000000\n"
    itself = f"{head}   0: 0100007F:5BA0 00000000:0000 0A 00000000:00000000\n"
    talking = f"{head}   0: 0200000A:5BA0 0300000A:D431 01 00000000:00000000\n"
    six = f"{head}   0: 00000000000000000000000000000000:5BA0 00000000:0000 0A\n"
    assert listens(anywhere, 23456)
    assert listens(head + six, 23456)
    assert not listens(anywhere, 2222)
    assert not any(listens(table, 23456) for table in (itself, talking, head, "", "no such file"))


def test_a_job_whose_upstream_ends_before_it_answers_has_failed() -> None:
    job = job_of(waiting("ServiceReady"), ps_0=lambda replica: 0)
    finish = job.run(reach=nobody)
    assert (finish.status, finish.deciding_replica) == ("Failed", f"{JOB_ID}-ps-0")
    assert "and ps-0 has ended without" in finish.reason_message
    assert started(job) == ["ps-0"]


def test_enough_is_enough() -> None:
    first = Flag()

    def second(replica: FakeReplica) -> int:
        assert first.wait(PATIENCE)
        return 0

    def worker(replica: FakeReplica) -> int:
        first.set()
        return 0

    job = job_of(waiting("Succeeded", "50%", ps=2), ps_1=second, worker_0=worker)
    assert job.run().status == "Succeeded"
    assert started(job).index("ps-0") < started(job).index("worker-0")


def test_a_container_that_never_ran_is_not_kept() -> None:
    job = job_of(waiting("Succeeded"), ps_0=lambda _: 1)
    assert job.run(keep="always").status == "Failed"
    assert [short(one.spec.name) for one in job.engine.containers.values()] == ["ps-0"]
