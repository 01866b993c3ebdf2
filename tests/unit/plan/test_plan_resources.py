"""What replicas are given, when they have to share, and how long a job may take."""

from __future__ import annotations

from typing import Any

import pytest
from given import planned, request

from localdlc.errors import ResourceError
from localdlc.plan.ask import Ask
from localdlc.plan.model import Plan
from localdlc.plan.resources import ULIMITS, within

GIB = 1 << 30
MIB = 1 << 20


def plan_with(*specs: dict[str, Any], **settings: Any) -> Plan:
    """A job of these roles, each a Worker unless it says otherwise."""
    roles = [{"Type": "Worker", "Image": "i", **spec} for spec in specs]
    return planned(request({}, JobSpecs=roles), **settings)


def given(**asked: str) -> tuple[tuple[float | None, int | None, int | None], tuple[str, ...]]:
    plan = plan_with({"ResourceConfig": asked})
    one = plan.replicas[0].resources
    return (one.cpus, one.memory, one.shm), plan.notes


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (None, None, 8 * GIB)),
        ({"CPU": "500m"}, (0.5, None, 8 * GIB)),
        ({"CPU": "0.1"}, (0.1, None, 8 * GIB)),
        ({"CPU": "8", "Memory": "16Gi"}, (8.0, 16 * GIB, 8 * GIB)),
        ({"Memory": "1Gi"}, (None, GIB, GIB // 2)),
        ({"Memory": "1.5Gi"}, (None, 3 * GIB // 2, 3 * GIB // 4)),
        ({"Memory": "1e9"}, (None, 10**9, 10**9 // 2)),
        ({"Memory": "64Mi"}, (None, 64 * MIB, 64 * MIB)),
        ({"Memory": "4Gi", "SharedMemory": "3Gi"}, (None, 4 * GIB, 3 * GIB)),
        ({"CPU": "", "Memory": "", "SharedMemory": ""}, (None, None, 8 * GIB)),
    ],
)
def test_limits_are_what_is_asked(asked: dict[str, str], expected: tuple[object, ...]) -> None:
    assert given(**asked) == (expected, ())


@pytest.mark.parametrize(
    ("asked", "expected", "note"),
    [
        ({"CPU": "9"}, (8.0, None, 8 * GIB), "asks for 9 cores and is given 8 cores"),
        ({"CPU": "1m"}, (0.01, None, 8 * GIB), "is given 0.01 cores, the least that an engine"),
        ({"Memory": "1Ti"}, (None, 16 * GIB, 8 * GIB), "asks for 1024 GiB and is given 16 GiB"),
        (
            {"Memory": "14400Gi"},
            (None, 16 * GIB, 8 * GIB),
            "Memory: 14.06 TiB are asked for at the same time and this machine has 16 GiB",
        ),
        ({"Memory": "1Mi"}, (None, 6 * MIB, 64 * MIB), "asks for 1 MiB and is given 6 MiB"),
        (
            {"Memory": "2Gi", "SharedMemory": "3Gi"},
            (None, 2 * GIB, 2 * GIB),
            "SharedMemory: each Master is given 2 GiB of its 3 GiB",
        ),
    ],
)
def test_what_this_machine_has_not_is_capped_with_a_note(
    asked: dict[str, str], expected: tuple[object, ...], note: str
) -> None:
    limits, [told] = given(**asked)
    assert limits == expected
    assert note in told


def test_an_instance_type_is_an_ask() -> None:
    plan = plan_with({"EcsSpec": "ecs.c6.large"})
    one = plan.replicas[0].resources
    assert (one.cpus, one.memory, one.shm) == (2.0, 4 * GIB, 2 * GIB)
    assert one.asked == Ask(2.0, 4 * GIB, instance="ecs.c6.large")
    assert one.to_json()["asked"] == {
        "instance": "ecs.c6.large",
        "cpus": 2.0,
        "memory": 4 * GIB,
        "shm": None,
        "gpus": 0,
        "gpu_type": None,
    }
    assert "asks for         ecs.c6.large: 2 cores, 4 GiB of memory" in str(plan)
    assert plan.notes == ()


def test_what_is_known_by_the_name_alone_is_told() -> None:
    assert plan_with({"EcsSpec": "ecs.g9i.large"}).notes == (
        "ecs.g9i.large: 2 cores, 8 GiB of memory, by its name; "
        "the table of instance types does not have it.",
    )


# sharing

MASTER = {"Type": "Master", "ResourceConfig": {"CPU": "4", "Memory": "1Gi"}}
WORKERS = {"PodCount": 3, "ResourceConfig": {"CPU": "4", "Memory": "2Gi"}}


def cores(plan: Plan) -> dict[str, float | None]:
    return {f"{r.role}-{r.index}": r.resources.cpus for r in plan.replicas}


def test_who_runs_at_the_same_time_shares_in_proportion() -> None:
    plan = plan_with(MASTER, WORKERS)
    assert cores(plan) == {"master-0": 2.0, "worker-0": 2.0, "worker-1": 2.0, "worker-2": 2.0}
    assert plan.replicas[1].resources.memory == 2 * GIB
    assert plan.notes == (
        "CPU: 16 cores are asked for at the same time and this machine has 8 cores: each Master "
        "asks for 4 cores and is given 2 cores, each Worker asks for 4 cores and is given 2 cores.",
    )


def test_who_says_nothing_has_no_limit_and_takes_nothing() -> None:
    plan = plan_with({"Type": "Master"}, {**WORKERS, "PodCount": 2})
    assert cores(plan) == {"master-0": None, "worker-0": 4.0, "worker-1": 4.0}


def test_who_has_ended_takes_nothing_from_who_comes_after() -> None:
    after = [{"Type": "Master", "OnPhase": "Succeeded"}]
    plan = plan_with(MASTER, {**WORKERS, "StartupDependencies": after})
    assert cores(plan) == {
        "master-0": 4.0,
        "worker-0": 2.666,
        "worker-1": 2.666,
        "worker-2": 2.666,
    }
    assert plan.notes[0].startswith("CPU: 12 cores are asked for at the same time")


@pytest.mark.parametrize("on_phase", ["Running", "ServiceReady"])
def test_who_waits_for_less_than_an_end_runs_beside_it(on_phase: str) -> None:
    after = [{"Type": "Master", "OnPhase": on_phase}]
    plan = plan_with(MASTER, {**WORKERS, "StartupDependencies": after})
    assert set(cores(plan).values()) == {2.0}


def test_who_waits_for_the_end_of_some_runs_beside_the_others() -> None:
    after = [{"Type": "Worker", "OnPhase": "Succeeded", "MinReplicas": "1"}]
    plan = plan_with({**MASTER, "StartupDependencies": after}, WORKERS)
    assert set(cores(plan).values()) == {2.0}


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (
            {"CPU": "4"},
            "CPU: 16 cores are asked for at the same time (1 Master of 4 cores, 3 Worker",
        ),
        ({"Memory": "6Gi"}, "Memory: 19 GiB are asked for at the same time"),
    ],
)
def test_exact_is_an_error_where_one_would_have_to_share(
    workers: dict[str, str], words: str
) -> None:
    roles = (MASTER, {**WORKERS, "ResourceConfig": workers})
    with pytest.raises(ResourceError) as raised:
        plan_with(*roles, resources="exact")
    assert raised.value.exit_code == 3
    assert words in str(raised.value)
    assert "free are " in str(raised.value)
    assert "--resources share" in str(raised.value)


def test_exact_changes_nothing_where_all_is_there() -> None:
    two = {**WORKERS, "PodCount": 1}
    assert plan_with(MASTER, two, resources="exact") == plan_with(MASTER, two)


def test_a_slurm_node_has_what_its_replica_is_given() -> None:
    body = request({}, "SlurmJob", JobSpecs=[{"Type": "Worker", "Image": "i", **WORKERS}])
    conf = next(file.text for file in planned(body).replicas[0].files if "slurm.conf" in file.path)
    assert [line for line in conf.splitlines() if line.startswith("NodeName")] == [
        f"NodeName=dlc1local0000001-worker-{n} CPUs=3 RealMemory=2048" for n in range(3)
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"cpu": "500m", "memory": "64Mi"}, (0.5, 64 * MIB)),
        ({"cpu": "1m", "memory": "1Mi"}, (0.01, 6 * MIB)),
        ({"cpu": "64", "memory": "1Ti"}, (8.0, 16 * GIB)),
        ({"cpu": "0", "memory": "0"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_a_side_container_has_its_limit_as_far_as_there_is_one(
    limits: dict[str, str], expected: tuple[float | None, int | None]
) -> None:
    beside = [{"Image": "i", "Resources": {"Limits": limits}}]
    plan = plan_with({"ExtraPodSpec": {"SideCarContainers": beside}})
    [side] = plan.replicas[0].pod.beside
    assert (side.resources.cpus, side.resources.memory) == expected


# ulimits


def test_ulimits_are_lowered_to_what_the_engine_can_give() -> None:
    plan = plan_with({}, {"Type": "Master"})
    assert {tuple(r.resources.ulimits.items()) for r in plan.replicas} == {tuple(ULIMITS.items())}
    lowered = within(plan, {"nofile": 20000, "memlock": 8 * MIB, "stack": -1})
    assert [r.resources.ulimits for r in lowered.replicas] == 2 * [
        {"nofile": 20000, "memlock": 8 * MIB, "stack": 64 * MIB}
    ]
    [note] = lowered.notes
    assert note.startswith("ulimits: nofile 20000, memlock 8 MiB; the engine may not give")


@pytest.mark.parametrize(
    "ceilings", [{}, {"nofile": 1 << 20, "memlock": -1, "stack": -1}, {"nofile": -1}]
)
def test_an_engine_that_can_give_them_gives_them(ceilings: dict[str, int]) -> None:
    plan = plan_with({})
    assert within(plan, ceilings) is plan


# time and commands


@pytest.mark.parametrize(("minutes", "seconds"), [(90, 5400), (0, None), (None, None)])
def test_a_deadline_counts_in_minutes_and_0_is_none(
    minutes: int | None, seconds: int | None
) -> None:
    body = request({"Worker": 1}, JobMaxRunningTimeMinutes=minutes)
    assert planned(body).deadline_seconds == seconds


@pytest.mark.parametrize(
    ("asked", "setting", "seconds"),
    [(None, None, 10.0), (30, None, 30.0), (0, None, 0.0), (30, 1.5, 1.5), (30, 0.0, 0.0)],
)
def test_grace_is_the_users_then_the_requests_then_ours(
    asked: int | None, setting: float | None, seconds: float
) -> None:
    settings: dict[str, Any] = {"TerminationGracePeriodSeconds": asked}
    plan = planned(request({"Worker": 1}, Settings=settings), grace=setting)
    assert plan.grace_seconds == seconds


def test_a_role_may_have_a_command_of_its_own() -> None:
    specs = [
        {"Type": "Master", "Image": "i"},
        {"Type": "Worker", "Image": "j", "UserCommand": "own"},
    ]
    plan = planned(request({}, JobSpecs=specs), image_map={"j": "local"})
    assert [(r.image, r.command[-1]) for r in plan.replicas] == [
        ("i", "python train.py"),
        ("local", "own"),
    ]
