"""Whose end makes the job's: the policies, and the flags of a role."""

from __future__ import annotations

from typing import Any

import pytest
from given import exited, planned, request, short

from localdlc.plan.policy import Finish, decide
from localdlc.plan.progress import Progress

Roles = dict[str, int | None]
CHIEF, CHEIF = {"IsChief": True}, {"IsCheif": True}
CONSIDERED = {"ConsiderInSuccessPolicy": True}
# job type, roles, flags of roles, policy, who decides
DECIDERS: list[tuple[str, Roles, dict[str, dict[str, bool]], str, str]] = [
    ("TFJob", {"Chief": 1, "Worker": 1, "PS": 1}, {}, "", "chief-0 worker-0"),
    ("TFJob", {"Chief": 1, "Worker": 1, "PS": 1}, {}, "ChiefWorker", "chief-0"),
    ("TFJob", {"Worker": 2, "PS": 1}, {}, "ChiefWorker", "worker-0"),
    ("TFJob", {"Worker": 2, "PS": 1}, {"Worker": CHIEF}, "ChiefWorker", "worker-0 worker-1"),
    ("TFJob", {"Worker": 1, "Evaluator": 1}, {"Evaluator": CHIEF}, "ChiefWorker", "evaluator-0"),
    ("TFJob", {"Worker": 1, "Evaluator": 1}, {"Evaluator": CHEIF}, "ChiefWorker", "evaluator-0"),
    ("PyTorchJob", {"Master": 1, "Worker": 2}, {"Master": CHIEF}, "ChiefWorker", "master-0"),
    ("PyTorchJob", {"Master": 1, "Worker": 2}, {"Master": CHIEF}, "AllWorkers",
     "master-0 worker-0 worker-1"),
    ("PyTorchJob", {"Master": 1, "Worker": 2}, {}, "ChiefWorker", "master-0 worker-0 worker-1"),
    ("PyTorchJob", {"Master": 1, "Worker": 2}, {"Worker": CONSIDERED}, "Partial",
     "worker-0 worker-1"),
    ("PyTorchJob", {"Worker": 2}, {"Worker": CONSIDERED}, "Partial",
     "master-0 worker-0"),
    ("PyTorchJob", {"Master": 1, "Worker": 1}, {"Worker": CONSIDERED}, "",
     "master-0 worker-0"),
    ("XGBoostJob", {"Worker": 3}, {}, "", "master-0"),
    ("OneFlowJob", {"Worker": 2}, {}, "", "master-0 worker-0"),
    ("ElasticBatchJob", {"Master": 1, "Worker": 2}, {}, "", "worker-0 worker-1"),
    ("MPIJob", {"Master": 1, "Worker": 2}, {}, "", "master-0"),
    ("RayJob", {"Head": 1, "Worker": 2}, {}, "", "head-0"),
]  # fmt: skip


def flagged(job_type: str, roles: Roles, flags: dict[str, dict[str, bool]], policy: str) -> Any:
    body = request(roles, job_type, SuccessPolicy=policy)
    for spec in body["JobSpecs"]:
        spec |= flags.get(spec["Type"], {})
    return planned(body)


@pytest.mark.parametrize(("job_type", "roles", "flags", "policy", "who"), DECIDERS)
def test_who_must_end_well(
    job_type: str, roles: Roles, flags: dict[str, dict[str, bool]], policy: str, who: str
) -> None:
    plan = flagged(job_type, roles, flags, policy)
    assert " ".join(short(r.pod_id) for r in plan.replicas if r.decides) == who


def verdict(ends: dict[str, int], other: dict[str, bool]) -> str:
    flags = {"Worker": CONSIDERED, "Evaluator": other}
    plan = flagged("TFJob", {"Worker": 2, "Evaluator": 1}, flags, "Partial")
    decision = decide(plan, Progress(exited(plan, ends)))
    return decision.status if isinstance(decision, Finish) else "goes on"


def test_a_role_that_is_flagged_false_does_not_count_at_all() -> None:
    other = {"ConsiderInSuccessPolicy": False}
    assert verdict({"evaluator-0": 1}, other) == "goes on"
    assert verdict({"evaluator-0": 1, "worker-0": 0, "worker-1": 0}, other) == "Succeeded"
    assert verdict({"worker-0": 1}, other) == "Failed"


def test_a_role_that_is_not_flagged_may_fail_the_job_and_need_not_succeed() -> None:
    assert verdict({"evaluator-0": 1}, {}) == "Failed"
    assert verdict({"worker-0": 0, "worker-1": 0}, {}) == "Succeeded"
