"""The verdict, case by case: who ended how, and what that means for the job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from given import JOB_ID, exited, plan_of, short

from localdlc.plan.model import Plan, StartAfter
from localdlc.plan.policy import Decision, Finish, GoOn, Restart, decide, overdue, stopped
from localdlc.plan.progress import Ended, Progress
from localdlc.plan.startup import may_start
from localdlc.record.events import ReplicaExited, ReplicaLost

TF: dict[str, int | None] = {"Chief": 1, "Worker": 2, "PS": 1, "Evaluator": 1}
TF_WORKERS: dict[str, int | None] = {"Worker": 2, "PS": 1}
TORCH: dict[str, int | None] = {"Worker": 3}
Ends = dict[str, int]

# roles, policy, ends in the order of their times, verdict and the replica that decided
TABLE: list[tuple[Any, str, Ends, str]] = [
    (TF, "AllWorkers", {}, "goes on"),
    (TF, "AllWorkers", {"chief-0": 0}, "goes on"),
    (TF, "AllWorkers", {"worker-0": 0, "worker-1": 0}, "goes on"),
    (TF, "AllWorkers", {"chief-0": 0, "worker-0": 0, "worker-1": 0}, "Succeeded by worker-1"),
    (TF, "AllWorkers", {"worker-0": 0, "worker-1": 0, "chief-0": 0}, "Succeeded by chief-0"),
    (TF, "AllWorkers", {"ps-0": 0, "evaluator-0": 0}, "goes on"),
    (TF, "AllWorkers", {"ps-0": 1}, "Failed by ps-0"),
    (TF, "AllWorkers", {"evaluator-0": 1}, "Failed by evaluator-0"),
    (TF, "AllWorkers", {"chief-0": 0, "worker-1": 9}, "Failed by worker-1"),
    (TF, "ChiefWorker", {"chief-0": 0}, "Succeeded by chief-0"),
    (TF, "ChiefWorker", {"worker-0": 0, "worker-1": 0}, "goes on"),
    (TF, "ChiefWorker", {"worker-0": 1}, "Failed by worker-0"),
    (TF, "ChiefWorker", {"worker-0": 1, "chief-0": 0}, "Succeeded by chief-0"),
    (TF, "ChiefWorker", {"chief-0": 1}, "Failed by chief-0"),
    (TF_WORKERS, "AllWorkers", {"worker-0": 0}, "goes on"),
    (TF_WORKERS, "AllWorkers", {"worker-1": 0, "worker-0": 0}, "Succeeded by worker-0"),
    (TF_WORKERS, "ChiefWorker", {"worker-0": 0}, "Succeeded by worker-0"),
    (TF_WORKERS, "ChiefWorker", {"worker-1": 0}, "goes on"),
    (TF_WORKERS, "ChiefWorker", {"worker-1": 2}, "Failed by worker-1"),
    ({"Worker": 1}, "ChiefWorker", {"chief-0": 0}, "Succeeded by chief-0"),
    (TORCH, "", {"master-0": 0}, "goes on"),
    (TORCH, "", {"worker-0": 0, "worker-1": 0}, "goes on"),
    (TORCH, "", {"master-0": 0, "worker-0": 0, "worker-1": 0}, "Succeeded by worker-1"),
    (TORCH, "", {"worker-1": 1}, "Failed by worker-1"),
    (TORCH, "", {"worker-1": 137, "master-0": 1}, "Failed by worker-1"),
    (TORCH, "ChiefWorker", {"master-0": 0}, "goes on"),
]


def plan_for(roles: Any, policy: str) -> Plan:
    job_type = "PyTorchJob" if roles is TORCH else "TFJob"
    return plan_of(roles, job_type, SuccessPolicy=policy)


def told(decision: Decision) -> str:
    if isinstance(decision, GoOn):
        return "goes on"
    if isinstance(decision, Restart):
        return f"restarts {' '.join(map(short, decision.pods))} in {decision.after_seconds:g} s"
    return f"{decision.status} by {short(decision.deciding_replica or '')}"


@pytest.mark.parametrize(("roles", "policy", "ends", "verdict"), TABLE)
def test_the_table_of_success_and_failure(
    roles: Any, policy: str, ends: Ends, verdict: str
) -> None:
    plan = plan_for(roles, policy)
    assert told(decide(plan, Progress(exited(plan, ends)))) == verdict


@pytest.mark.parametrize(("roles", "policy", "ends", "verdict"), TABLE)
def test_ends_that_arrive_together_may_arrive_in_any_order(
    roles: Any, policy: str, ends: Ends, verdict: str
) -> None:
    plan = plan_for(roles, policy)
    turned = dict(reversed(exited(plan, ends).items()))
    assert told(decide(plan, Progress(turned))) == verdict


def test_a_replica_that_we_stopped_has_not_failed() -> None:
    plan = plan_of({"Worker": 2})
    assert decide(plan, Progress(exited(plan, {"worker-0": 143}, ours=True))) == GoOn()


def test_a_lost_replica_has_failed_even_after_a_clear_end() -> None:
    plan = plan_of({"Worker": 2})
    lost: dict[str, Ended] = {f"{JOB_ID}-master-0": ReplicaLost(f"{JOB_ID}-master-0", 1, "gone")}
    assert told(decide(plan, Progress(lost))) == "Failed by master-0"
    both = Progress({**lost, **exited(plan, {"worker-0": 1})})
    assert told(decide(plan, both)) == "Failed by worker-0"


def test_of_two_failures_the_earlier_decides_and_the_pod_id_settles_a_tie() -> None:
    plan = plan_of({"Worker": 3})
    ends = exited(plan, {"worker-1": 1, "worker-0": 1, "master-0": 1})
    assert told(decide(plan, Progress(ends))) == "Failed by worker-1"
    noon = datetime(2026, 1, 1, tzinfo=UTC)
    tied: dict[str, Ended] = {
        pod: ReplicaExited(pod, 1, 1, False, None, False, noon) for pod in ends
    }
    assert told(decide(plan, Progress(tied))) == "Failed by master-0"


def test_the_words_of_a_failure_are_dlcs() -> None:
    plan = plan_of({"Worker": 3})
    ends = exited(plan, {"worker-1": 1, "worker-0": 1, "master-0": 1})
    decision = decide(plan, Progress(ends))
    assert decision == Finish(
        "Failed",
        "JobFailed",
        f"PyTorchJob {JOB_ID} is failed because 2 Worker replica(s) failed.",
        f"{JOB_ID}-worker-1",
    )


def test_the_words_of_success_are_dlcs() -> None:
    plan = plan_of({"Worker": 1}, "TFJob")
    assert decide(plan, Progress(exited(plan, {"chief-0": 0}))) == Finish(
        "Succeeded", "JobSucceeded", f"TFJob {JOB_ID} successfully completed.", f"{JOB_ID}-chief-0"
    )


def test_a_deadline_fails_a_job_and_a_user_stops_one() -> None:
    finish = overdue(plan_of({"Worker": 1}))
    assert (finish.status, finish.reason_code) == ("Failed", "JobFailed")
    assert finish.reason_message == (
        f"Job {JOB_ID} has failed because it was active longer than specified deadline"
    )
    assert (stopped().status, stopped().reason_code) == ("Stopped", "JobStoppedByUser")


# who may start


def pods(*names: str) -> frozenset[str]:
    return frozenset(f"{JOB_ID}-{name}" for name in names)


def startable(plan: Plan, started: frozenset[str], ended: dict[str, Ended] | None = None) -> str:
    progress = Progress(ended or {}, started)
    return " ".join(short(r.pod_id) for r in plan.replicas if may_start(plan, r, progress))


def test_workers_start_when_every_ps_has_started() -> None:
    plan = plan_of({"Chief": 1, "Worker": 1, "PS": 2}, "TFJob")
    assert startable(plan, pods()) == "ps-0 ps-1"
    assert startable(plan, pods("ps-1")) == "ps-0 ps-1"
    assert startable(plan, pods("ps-0", "ps-1")) == "chief-0 worker-0 ps-0 ps-1"


def test_an_upstream_that_must_succeed_has_to_have_ended() -> None:
    plan = plan_of({"Worker": 2})
    master, worker = plan.replicas
    worker = replace(worker, start_after=(StartAfter("master", "Succeeded"),))
    plan = replace(plan, replicas=(master, worker))
    assert startable(plan, pods("master-0")) == "master-0"
    ended = exited(plan, {"master-0": 0})
    assert startable(plan, pods("master-0"), ended) == "master-0 worker-0"
