"""Replicas that begin anew: by their role's RestartPolicy, and by AIMaster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from clocked import Clocked, by_name, deaf, ready, until_stopped
from given import JOB_ID, planned, request, short

from localdlc.plan.model import Plan
from localdlc.record.events import (
    Event,
    Log,
    Note,
    ReplicaExited,
    ReplicaRestarted,
    ReplicaStarted,
    StatusChanged,
)
from localdlc.run.engine import ContainerSpec
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script

GRACE = 1000.0


def attempt_of(replica: FakeReplica) -> int:
    return int(replica.spec.labels["localdlc.attempt"])


def by_attempt(*codes: int) -> Script:
    """Ends with the code of its attempt; the last is for all that follow."""
    return lambda replica: codes[min(attempt_of(replica), len(codes)) - 1]


def first_then(first: Script, then: Script) -> Script:
    return lambda replica: (first if attempt_of(replica) == 1 else then)(replica)


def patient(event: Event) -> float:
    """The back-off of any restart is over at once."""
    if isinstance(event, Note):  # where the status is Restarting already
        return 30.0 if "is restarting because" in event.text else 0.0
    return 30.0 if isinstance(event, StatusChanged) and event.to == "Restarting" else 0.0


def plan_with(policy: str, roles: dict[str, int | None], **members: Any) -> Plan:
    body = request(roles, **members)
    for spec in body["JobSpecs"]:
        spec["RestartPolicy"] = policy
    return planned(body, grace=GRACE)


def aimaster(arguments: str, roles: dict[str, int | None], **members: Any) -> Plan:
    settings = {"EnableErrorMonitoringInAIMaster": True, "ErrorMonitoringArgs": arguments}
    return planned(request(roles, Settings=settings, **members), grace=GRACE)


def ran(plan: Plan, script: Script, jump: Callable[[Event], float] = patient) -> Clocked:
    clocked = Clocked(plan, FakeEngine(script), jump)
    clocked.run()
    assert (clocked.engine.containers, clocked.engine.networks) == ({}, {})
    return clocked


def attempts(job: Clocked) -> list[str]:
    return [f"{short(e.pod_id)} {e.attempt}" for e in job.of(ReplicaStarted)]


# by a role's RestartPolicy


def test_a_replica_that_fails_begins_anew_and_the_job_is_restarting_meanwhile() -> None:
    job = ran(plan_with("OnFailure", {"Worker": 2}), by_name(worker_0=by_attempt(1, 0)))
    assert job.statuses == "Creating EnvPreparing Running Restarting Running Succeeded"
    assert job.of(ReplicaRestarted) == [
        ReplicaRestarted(f"{JOB_ID}-worker-0", 2, "worker-0 ended with exit code 1", 1)
    ]
    reason = next(e.reason_message for e in job.of(StatusChanged) if e.to == "Restarting")
    assert reason == f"PyTorchJob {JOB_ID} is restarting because 1 Worker replica(s) failed."


def test_an_attempt_keeps_name_and_address_and_is_somebody_new() -> None:
    specs: list[ContainerSpec] = []

    def looks(replica: FakeReplica) -> int:
        specs.append(replica.spec)
        return by_attempt(1, 0)(replica)

    job = ran(plan_with("OnFailure", {"Worker": 1}), looks)
    first, second = specs
    assert (first.hostname, first.ip, first.hosts) == (second.hostname, second.ip, second.hosts)
    assert (first.name, second.name) == (f"{JOB_ID}-master-0", f"{JOB_ID}-master-0-2")
    assert (first.env, first.mounts, first.command) == (second.env, second.mounts, second.command)
    uids = [e.pod_uid for e in job.of(ReplicaStarted)]
    assert len(set(uids)) == 2
    replica = job.view.replicas[f"{JOB_ID}-master-0"]
    assert (replica.attempt, replica.exit_code, job.view.restarts) == (2, 0, 1)
    assert [(e.attempt, e.pod_uid, e.exit_code) for e in replica.earlier] == [(1, uids[0], 1)]


def test_what_an_attempt_writes_is_its_own() -> None:
    def talks(replica: FakeReplica) -> int:
        replica.write(b"attempt %d\n" % attempt_of(replica))
        return by_attempt(1, 0)(replica)

    job = ran(plan_with("OnFailure", {"Worker": 1}), talks)
    assert [(e.attempt, e.data) for e in job.of(Log)] == [(1, b"attempt 1\n"), (2, b"attempt 2\n")]


def test_nothing_is_restarted_for_ever() -> None:
    job = ran(plan_with("OnFailure", {"Worker": 1}), lambda _: 9)
    assert job.view.status == "Failed"
    assert attempts(job) == [f"master-0 {n}" for n in (1, 2, 3, 4)]
    assert job.view.restarts == job.plan.restart_budget == 3


@pytest.mark.parametrize(
    ("policy", "code", "tries"),
    [
        ("Never", 137, 1),
        ("OnFailure", 2, 4),
        ("OnFailure", 0, 1),
        ("Always", 0, 4),
        ("ExitCode", 1, 1),
        ("ExitCode", 139, 1),
        ("ExitCode", 0, 1),
        *(("ExitCode", code, 4) for code in (130, 137, 138, 143)),
    ],
)
def test_each_policy_restarts_what_it_is_for(policy: str, code: int, tries: int) -> None:
    assert len(attempts(ran(plan_with(policy, {"Worker": 1}), lambda _: code))) == tries


def test_memory_is_worth_another_attempt() -> None:
    def hungry(replica: FakeReplica) -> int:
        raise MemoryError

    job = ran(plan_with("ExitCode", {"Worker": 1}), first_then(hungry, lambda _: 0))
    assert job.view.status == "Succeeded"
    assert job.of(ReplicaRestarted)[0].reason == "master-0 ran out of memory"


def test_a_restart_before_the_job_runs_leaves_its_status_alone() -> None:
    body = request({"Worker": 1, "PS": 1}, "TFJob")
    body["JobSpecs"][1]["RestartPolicy"] = "OnFailure"
    body["JobSpecs"][0]["StartupDependencies"] = [{"Type": "PS", "OnPhase": "Succeeded"}]

    job = ran(planned(body), by_name(ps_0=by_attempt(1, 0)))
    assert job.of(Note)[-1].text == f"TFJob {JOB_ID} is restarting because 1 PS replica(s) failed."
    assert job.statuses == "Creating EnvPreparing Running Succeeded"
    assert attempts(job) == ["ps-0 1", "ps-0 2", "worker-0 1"]


def test_a_stop_ends_what_waits_for_its_next_attempt() -> None:
    job = Clocked(plan_with("OnFailure", {"Worker": 2}), FakeEngine(by_name()), lambda _: 0.0)

    def jump(event: Event) -> float:
        if isinstance(event, StatusChanged) and event.to == "Restarting":
            job.control.stop("SIGINT")
        return 0.0

    job.engine = FakeEngine(by_name(master_0=until_stopped, worker_0=lambda _: 1))
    job.jump = jump
    assert job.run().status == "Stopped"
    assert job.statuses == "Creating EnvPreparing Running Restarting Stopping Stopped"
    assert sorted(attempts(job)) == ["master-0 1", "worker-0 1"]


def test_the_containers_of_attempts_that_failed_are_kept() -> None:
    plan = plan_with("OnFailure", {"Worker": 1})
    job = Clocked(plan, FakeEngine(by_name(master_0=by_attempt(1, 0))), patient)
    job.run(keep="failed")
    assert [r.spec.name for r in job.engine.containers.values()] == [f"{JOB_ID}-master-0"]


# by AIMaster


def test_aimaster_restarts_all_replicas() -> None:
    plan = aimaster("--enable-job-restart true", {"Worker": 3})
    script = by_name(
        master_0=first_then(ready, lambda _: 0),
        worker_0=by_attempt(1, 0),
        worker_1=first_then(ready, lambda _: 0),
    )
    job = ran(plan, script)
    assert job.statuses == "Creating EnvPreparing Running Restarting Running Succeeded"
    pods = ("master-0", "worker-0", "worker-1")
    assert sorted(attempts(job)) == [f"{pod} {n}" for pod in pods for n in (1, 2)]
    ends = [(short(e.pod_id), e.exit_code, e.stopped_by_us) for e in job.of(ReplicaExited)]
    assert sorted(ends[1:3]) == [("master-0", 143, True), ("worker-1", 143, True)]
    assert [end[1:] for end in ends[3:]] == [(0, False)] * 3
    assert {e.restart for e in job.of(ReplicaRestarted)} == {1}
    assert job.view.restarts == 1


def test_workers_of_a_new_attempt_start_after_its_master() -> None:
    plan = aimaster("--enable-job-restart true", {"Worker": 2})
    script = by_name(master_0=by_attempt(1, 0), worker_0=first_then(ready, lambda _: 0))
    assert attempts(ran(plan, script))[-2:] == ["master-0 2", "worker-0 2"]


def test_aimaster_has_a_budget() -> None:
    plan = aimaster("--enable-job-restart true --max-num-of-job-restart 2", {"Worker": 2})
    job = ran(plan, by_name(master_0=lambda _: 1, worker_0=until_stopped))
    assert (job.view.status, job.view.restarts, plan.restart_budget) == ("Failed", 2, 2)
    assert [a for a in attempts(job) if "master" in a] == [f"master-0 {n}" for n in (1, 2, 3)]


def test_an_asynchronous_training_restarts_what_failed() -> None:
    arguments = "--job-execution-mode Async --enable-job-restart true"
    script = by_name(worker_0=by_attempt(1, 0))
    assert sorted(attempts(ran(aimaster(arguments, {"Worker": 2}), script))) == [
        "master-0 1",
        "worker-0 1",
        "worker-0 2",
    ]


def test_aimaster_that_may_not_restart_leaves_it_to_the_roles() -> None:
    plan = aimaster("--enable-job-hang-detection true", {"Worker": 1})
    assert len(attempts(ran(plan, lambda _: 1))) == 1
    assert plan.restart_budget == 0


HANGS = "--enable-job-hang-detection true --job-hang-interval 60"


def silent(event: Event) -> float:
    """A minute passes when the first attempt of the last replica has started."""
    if isinstance(event, ReplicaStarted) and (short(event.pod_id), event.attempt) == (
        "worker-0",
        1,
    ):
        return 60.0
    return patient(event)


def test_a_job_that_falls_silent_is_restarted() -> None:
    plan = aimaster(f"{HANGS} --enable-job-restart true", {"Worker": 2})
    job = ran(plan, first_then(until_stopped, lambda _: 0), silent)
    assert job.view.status == "Succeeded"
    assert job.of(ReplicaRestarted)[0].reason == "no replica has written anything for 60 s"
    assert job.ends() == [(143, True), (143, True), (0, False), (0, False)]


def test_a_job_that_falls_silent_and_may_not_be_restarted_has_failed() -> None:
    job = ran(aimaster(HANGS, {"Worker": 2}), until_stopped, silent)
    assert job.view.status == "Failed"
    assert "no replica has written anything for 60 s" in job.view.reason_message


def test_a_line_shows_that_the_job_lives() -> None:
    def talks(replica: FakeReplica) -> int:
        replica.write(b"a step\n")
        return 0

    def jump(event: Event) -> float:
        return 40.0 if isinstance(event, ReplicaStarted | Log) else 0.0

    assert ran(aimaster(HANGS, {"Worker": 1}), talks, jump).view.status == "Succeeded"


def test_who_has_begun_anew_is_not_killed_for_those_before() -> None:
    settings = {
        "EnableErrorMonitoringInAIMaster": True,
        "ErrorMonitoringArgs": "--enable-job-restart true",
    }
    plan = planned(request({"Worker": 2}, Settings=settings), grace=10.0)

    def talks(replica: FakeReplica) -> int:
        replica.write(b"a step\n")
        return 0 if replica.wait_for_signal(0.05) is None else 143

    def jump(event: Event) -> float:
        late = isinstance(event, Log) and event.attempt == 2
        return 60.0 if late else 1.0 if isinstance(event, StatusChanged) else 0.0

    script = by_name(master_0=first_then(until_stopped, talks), worker_0=by_attempt(1, 0))
    job = ran(plan, script, jump)
    assert job.view.status == "Succeeded"
    assert job.ends()[2:] == [(0, False)] * 2


def test_what_ignores_sigterm_is_killed_before_it_begins_anew() -> None:
    settings = {
        "EnableErrorMonitoringInAIMaster": True,
        "ErrorMonitoringArgs": "--enable-job-restart true",
    }
    plan = planned(request({"Worker": 2}, Settings=settings), grace=10.0)
    script = by_name(
        master_0=first_then(deaf, lambda _: 0), worker_0=first_then(lambda _: 1, lambda _: 0)
    )
    job = ran(plan, script)
    assert job.view.status == "Succeeded"
    assert (137, True) in job.ends()
