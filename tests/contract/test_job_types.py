"""What every type of the table must hold, whatever it is and however its roles are counted."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from given import plan_of, short

from localdlc.plan import jobtypes
from localdlc.plan.jobtypes import JOB_TYPES
from localdlc.plan.model import Plan
from localdlc.run.containers import hosts
from localdlc.spec.rules.job import JOB_TYPES as NAMES
from localdlc.spec.rules.roles import ROLES

Roles = dict[str, int | None]

SUBNET = IPv4Network("10.213.0.0/24")
LEADERS = ("Master", "Chief", "Head", "Launcher")
DISTRIBUTED = {"DataJuicerConfig": {"ExecutionMode": "distributed"}}

# What tells a replica apart from its peers; all else is the same in each that has it.
ITS_OWN = {
    *("RANK", "RAY_CLOUD_INSTANCE_ID", "RAY_NODE_TYPE_NAME"),
    *("RAY_ADDRESS", "KUBERAY_GEN_RAY_START_CMD"),  # the Head reaches itself by loopback
}


def shapes(job_type: str) -> list[Roles]:
    """One Worker, some, led by whoever leads, and every role of the type at once."""
    known = ROLES.get(job_type, ("Worker",))
    alike: list[Roles] = [{"Worker": n} for n in (1, 2, 5)]
    led: list[Roles] = [{leader: 1, "Worker": n} for leader in LEADERS for n in (0, 1, 3)]
    return [
        *alike,
        *(roles for roles in led if roles.keys() <= {*known}),
        {role: 1 if role in LEADERS else 2 for role in known if role != "Launcher"},
    ]


def plans() -> list[Any]:
    asked: list[tuple[str, Roles, Any]]
    asked = [(name, roles, {}) for name in JOB_TYPES for roles in shapes(name)]
    groups: list[Roles] = [{"Worker-a": 2, "Worker-b": 1}, {"Head": 1, "Worker": 1, "Worker-a": 2}]
    asked += [("RayJob", roles, {}) for roles in groups]
    asked += [("DataJuicerJob", roles, DISTRIBUTED) for roles in shapes("RayJob")]
    return [
        pytest.param(plan_of(roles, name, Settings=settings).placed(SUBNET), id=told(name, roles))
        for name, roles, settings in asked
    ]


def told(name: str, roles: Roles) -> str:
    return f"{name}-{'-'.join(f'{count}{role}' for role, count in roles.items())}"


every_plan = pytest.mark.parametrize("plan", plans())


def wiring(plan: Plan) -> list[dict[str, Any]]:
    """The variables of each replica, those of JSON read; the task of a replica is its own."""
    read = [
        {name: json.loads(v) if v.startswith("{") else v for name, v in replica.env.items()}
        for replica in plan.replicas
    ]
    for env in read:
        for value in env.values():
            if isinstance(value, dict):
                value.pop("task", None)
    return [{name: v for name, v in env.items() if name not in ITS_OWN} for env in read]


def test_the_table_has_every_type_of_the_api() -> None:
    assert set(JOB_TYPES) == set(NAMES)


def test_each_type_is_a_module_of_its_own_beside_the_table() -> None:
    folder = Path(jobtypes.__file__).parent
    modules = [module for module in JOB_TYPES.values() if isinstance(module, ModuleType)]
    assert len(modules) == len({module.__name__ for module in modules}) == len(JOB_TYPES)
    assert {Path(module.__file__ or "").parent for module in modules} == {folder}


@every_plan
def test_every_replica_that_is_asked_for_is_there_once(plan: Plan) -> None:
    names = [short(replica.pod_id) for replica in plan.replicas]
    by_role: dict[str, list[int]] = {}
    for replica in plan.replicas:
        by_role.setdefault(replica.role, []).append(replica.index)
    assert len(set(names)) == len(names)
    assert all(indexes == list(range(len(indexes))) for indexes in by_role.values())
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*-\d+", name) for name in names)


@every_plan
def test_every_name_that_a_replica_is_told_resolves(plan: Plan) -> None:
    known = {name for name, _ in hosts(plan)}
    for replica in plan.replicas:
        text = "\n".join((*replica.env.values(), *replica.command))
        named = set(re.findall(rf"{plan.job_id}-[a-z][a-z0-9.-]*[a-z0-9]", text))
        assert named <= known


@every_plan
def test_ranks_are_dense_and_counted(plan: Plan) -> None:
    ranks = [replica.env["RANK"] for replica in plan.replicas if "RANK" in replica.env]
    assert ranks in ([], list(map(str, range(len(plan.replicas)))))
    sizes = {replica.env["WORLD_SIZE"] for replica in plan.replicas if "WORLD_SIZE" in replica.env}
    assert sizes <= {str(len(plan.replicas))}


@every_plan
def test_all_replicas_agree_on_the_cluster(plan: Plan) -> None:
    seen: dict[str, Any] = {}
    for env in wiring(plan):
        for name, value in env.items():
            assert seen.setdefault(name, value) == value


@every_plan
def test_somebody_decides_and_all_can_start_one_after_the_other(plan: Plan) -> None:
    assert any(replica.decides for replica in plan.replicas)
    waits = {r.role: {after.role for after in r.start_after} for r in plan.replicas}
    started: set[str] = set()
    while ready := {role for role in waits.keys() - started if waits[role] <= started}:
        started |= ready
    assert started == waits.keys()


@every_plan
def test_success_and_failure_are_told_in_the_name_of_the_type(plan: Plan) -> None:
    assert re.match(
        rf"{plan.job_type} {plan.job_id} (is |has )?successfully", plan.completed_message
    )
