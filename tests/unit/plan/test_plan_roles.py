"""Which replicas there are, in which order, who waits for whom, and who decides."""

from __future__ import annotations

import pytest
from given import plan_of, short

Roles = dict[str, int | None]

REPLICAS: list[tuple[str, Roles, str]] = [
    ("PyTorchJob", {"Worker": 1}, "master-0"),
    ("PyTorchJob", {"Worker": None}, "master-0"),
    ("PyTorchJob", {"Worker": 4}, "master-0 worker-0 worker-1 worker-2"),
    ("PyTorchJob", {"Master": 1}, "master-0"),
    ("PyTorchJob", {"Worker": 2, "Master": 1}, "master-0 worker-0 worker-1"),
    ("PyTorchJob", {"Master": 1, "Worker": 0}, "master-0"),
    ("XGBoostJob", {"Worker": 2}, "master-0 worker-0"),
    ("OneFlowJob", {"Worker": 2, "Master": 1}, "master-0 worker-0 worker-1"),
    ("ElasticBatchJob", {"Worker": 1}, "master-0"),
    ("RayJob", {"Worker": 3}, "head-0 worker-0 worker-1"),
    ("RayJob", {"Worker-a": 2, "Head": 1, "Worker": 1}, "head-0 worker-a-0 worker-a-1 worker-0"),
    ("RayJob", {"Worker-a": 2, "Worker": 2}, "head-0 worker-a-0 worker-a-1 worker-0"),
    ("RayJob", {"Worker-a": 1, "Worker-b": 1}, "head-0 worker-b-0"),
    ("DataJuicerJob", {"Worker": 2}, "worker-0 worker-1"),
    ("MPIJob", {"Worker": 2, "Master": 1}, "master-0 worker-0 worker-1"),
    ("MPIJob", {"Worker": 1, "Launcher": 1}, "launcher-0 worker-0"),
    ("MPIJob", {"Worker": 2}, "master-0 worker-0"),
    ("SlurmJob", {"Worker": 2}, "worker-0 worker-1"),
    ("SlurmJob", {"Node": 2, "Master": 1}, "master-0 node-0 node-1"),
    ("TFJob", {"Worker": 1}, "chief-0"),
    ("TFJob", {"Worker": None}, "chief-0"),
    ("TFJob", {"Worker": 2}, "worker-0 worker-1"),
    ("TFJob", {"Worker": 1, "PS": 1}, "worker-0 ps-0"),
    ("TFJob", {"Chief": 1, "Worker": 0}, "chief-0"),
    (
        "TFJob",
        {"GraphLearn": 1, "Evaluator": 1, "PS": 2, "Worker": 1, "Chief": 1},
        "chief-0 worker-0 ps-0 ps-1 evaluator-0 graphlearn-0",
    ),
]


@pytest.mark.parametrize(("job_type", "roles", "expected"), REPLICAS)
def test_roles_become_replicas_in_rank_order(job_type: str, roles: Roles, expected: str) -> None:
    plan = plan_of(roles, job_type)
    assert " ".join(short(replica.pod_id) for replica in plan.replicas) == expected


DECIDERS: list[tuple[str, str, Roles, str]] = [
    ("TFJob", "AllWorkers", {"Chief": 1, "Worker": 2, "PS": 1}, "chief-0 worker-0 worker-1"),
    ("TFJob", "", {"Chief": 1, "Worker": 2, "Evaluator": 1}, "chief-0 worker-0 worker-1"),
    ("TFJob", "ChiefWorker", {"Chief": 1, "Worker": 2, "PS": 1}, "chief-0"),
    ("TFJob", "AllWorkers", {"Worker": 3, "PS": 1}, "worker-0 worker-1 worker-2"),
    ("TFJob", "ChiefWorker", {"Worker": 3, "GraphLearn": 1}, "worker-0"),
    ("TFJob", "ChiefWorker", {"Worker": 1}, "chief-0"),
    ("PyTorchJob", "AllWorkers", {"Worker": 3}, "master-0 worker-0 worker-1"),
    ("PyTorchJob", "ChiefWorker", {"Worker": 3}, "master-0 worker-0 worker-1"),
    ("OneFlowJob", "", {"Worker": 2}, "master-0 worker-0"),
    ("XGBoostJob", "", {"Worker": 3}, "master-0"),
    ("XGBoostJob", "AllWorkers", {"Master": 1, "Worker": 2}, "master-0"),
    ("ElasticBatchJob", "", {"Worker": 3}, "master-0 worker-0 worker-1"),
    ("ElasticBatchJob", "", {"Master": 1, "Worker": 2}, "worker-0 worker-1"),
    ("ElasticBatchJob", "", {"Master": 1, "Worker": 0}, "master-0"),
    ("RayJob", "", {"Worker": 3}, "head-0"),
    ("DataJuicerJob", "", {"Worker": 2}, "worker-0 worker-1"),
    ("MPIJob", "", {"Master": 1, "Worker": 2}, "master-0"),
    ("MPIJob", "AllWorkers", {"Worker": 2, "Launcher": 1}, "launcher-0"),
    ("SlurmJob", "", {"Worker": 3}, "worker-0"),
]


@pytest.mark.parametrize(("job_type", "policy", "roles", "expected"), DECIDERS)
def test_the_policy_says_who_decides(
    job_type: str, policy: str, roles: Roles, expected: str
) -> None:
    plan = plan_of(roles, job_type, SuccessPolicy=policy)
    assert " ".join(short(r.pod_id) for r in plan.replicas if r.decides) == expected
    assert plan.success_policy == policy or (policy, plan.success_policy) == ("", "AllWorkers")


STARTS: list[tuple[str, Roles, dict[str, str]]] = [
    ("PyTorchJob", {"Worker": 3}, {"worker": "master"}),
    ("PyTorchJob", {"Worker": 1}, {}),
    ("XGBoostJob", {"Worker": 3}, {"worker": "master"}),
    ("RayJob", {"Worker": 2, "Worker-a": 1}, {"worker": "head", "worker-a": "head"}),
    ("DataJuicerJob", {"Worker": 2}, {}),
    ("MPIJob", {"Worker": 2, "Launcher": 1}, {"launcher": "worker"}),
    ("MPIJob", {"Worker": 3}, {"master": "worker"}),
    ("MPIJob", {"Master": 1}, {}),
    ("SlurmJob", {"Worker": 3}, {}),
    ("TFJob", {"Chief": 1, "Worker": 1, "PS": 1}, {"chief": "ps", "worker": "ps"}),
    ("TFJob", {"Chief": 1, "Worker": 1}, {}),
    ("TFJob", {"Worker": 2, "PS": 1, "Evaluator": 1, "GraphLearn": 1}, {"worker": "ps"}),
]


@pytest.mark.parametrize(("job_type", "roles", "expected"), STARTS)
def test_a_role_starts_after_the_one_it_needs(
    job_type: str, roles: Roles, expected: dict[str, str]
) -> None:
    plan = plan_of(roles, job_type)
    waits = {r.role: s.role for r in plan.replicas for s in r.start_after}
    assert waits == expected
    assert {s.phase for r in plan.replicas for s in r.start_after} <= {"Running"}


def test_the_words_of_success_are_those_of_the_job_type() -> None:
    assert plan_of({"Worker": 1}).completed_message == (
        "PyTorchJob dlc1local0000001 is successfully completed."
    )
    assert plan_of({"Worker": 1}, "TFJob").completed_message == (
        "TFJob dlc1local0000001 successfully completed."
    )
