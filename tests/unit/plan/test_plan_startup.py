"""The order of start: what the request says, and else what the job type does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from given import JOB_ID, exited, planned, request, short

from localdlc.config import Config
from localdlc.errors import InvalidRequest
from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, decide
from localdlc.plan.progress import Progress
from localdlc.plan.startup import awaited_ports, may_start
from localdlc.service import Service

Roles = dict[str, int | None]
Waits = dict[str, list[dict[str, str]]]


def ordered(job_type: str, roles: Roles, waits: Waits, **specs: dict[str, Any]) -> Plan:
    body = request(roles, job_type)
    for spec in body["JobSpecs"]:
        spec["StartupDependencies"] = waits.get(spec["Type"], [])
        spec |= specs.get(spec["Type"], {})
    return planned(body)


def after(role: str, phase: str = "Running", least: str = "") -> list[dict[str, str]]:
    return [{"Type": role, "OnPhase": phase, "MinReplicas": least}]


def order(plan: Plan) -> dict[str, list[str]]:
    return {r.role: [str(upstream) for upstream in r.start_after] for r in plan.replicas}


READY = {"StartupDependencies": after("Worker", "ServiceReady")}
PORT = "JobSpecs[{}].ServiceSpec.DefaultPort"


def problems_of(job_type: str, **specs: dict[str, Any]) -> list[str]:
    """The paths of what is wrong, as `validate` finds it."""
    body = request(dict.fromkeys(specs, 1), job_type)
    for spec in body["JobSpecs"]:
        spec |= specs[spec["Type"]]
    try:
        Service(Config(home=Path("/nowhere"))).validate(json.dumps(body).encode())
    except InvalidRequest as error:
        return [problem.path for problem in error.problems]
    return []


TF: Roles = {"Chief": 1, "Worker": 4, "PS": 2}


def test_without_a_word_it_is_the_order_of_the_type() -> None:
    assert order(ordered("TFJob", TF, {})) == {
        "chief": ["ps is Running"],
        "worker": ["ps is Running"],
        "ps": [],
    }


def test_what_a_role_says_takes_the_place_of_its_types_order() -> None:
    plan = ordered("TFJob", TF, {"Worker": after("Chief", "Succeeded")})
    assert order(plan)["worker"] == ["1 of chief is Succeeded"]
    assert order(plan)["chief"] == ["ps is Running"]


def test_the_types_order_gives_way_where_it_would_close_a_circle() -> None:
    plan = ordered("PyTorchJob", {"Master": 1, "Worker": 2}, {"Master": after("Worker")})
    assert order(plan) == {"master": ["2 of worker is Running"], "worker": []}
    plan = ordered("TFJob", TF, {"PS": after("Worker"), "Worker": after("Chief")})
    assert order(plan)["chief"] == []


@pytest.mark.parametrize(
    ("least", "count"),
    [("", 4), ("1", 1), ("4", 4), ("50%", 2), ("30%", 2), ("100%", 4), ("1%", 1)],
)
def test_the_least_is_a_number_or_a_percentage(least: str, count: int) -> None:
    plan = ordered("TFJob", TF, {"Chief": after("Worker", least=least)})
    assert order(plan)["chief"] == [f"{count} of worker is Running"]


def test_a_role_whose_first_replica_was_promoted_is_two() -> None:
    roles: Roles = {"Worker": 3, "Worker-a": 1}
    plan = ordered("RayJob", roles, {"Worker-a": after("Worker", least="2")})
    assert order(plan)["worker-a"] == ["1 of head is Running", "1 of worker is Running"]


def test_ready_is_at_the_roles_own_port_or_the_frameworks() -> None:
    roles: Roles = {"Master": 1, "Worker": 1}
    plan = ordered("PyTorchJob", roles, {"Worker": after("Master", "ServiceReady")})
    assert order(plan)["worker"] == ["1 of master is ServiceReady at port 23456"]
    assert awaited_ports(plan) == {f"{JOB_ID}-master-0": 23456}
    own = {"ServiceSpec": {"DefaultPort": 8080}}
    plan = ordered("PyTorchJob", roles, {"Worker": after("Master", "ServiceReady")}, Master=own)
    assert awaited_ports(plan) == {f"{JOB_ID}-master-0": 8080}


@pytest.mark.parametrize(
    ("job_type", "upstream", "port"),
    [
        ("TFJob", "PS", 2222),
        ("XGBoostJob", "Master", 9999),
        ("OneFlowJob", "Master", 23456),
        ("ElasticBatchJob", "Master", 23456),
        ("RayJob", "Head", 6379),
    ],
)
def test_every_framework_has_its_port(job_type: str, upstream: str, port: int) -> None:
    waits = {"Worker": after(upstream, "ServiceReady")}
    plan = ordered(job_type, {upstream: 1, "Worker": 1}, waits)
    assert set(awaited_ports(plan).values()) == {port}


def test_a_port_that_nobody_knows_is_asked_for() -> None:
    assert problems_of("PyTorchJob", Worker={}, Master=READY) == [PORT.format(0)]


def test_a_port_is_not_asked_for_where_it_is_known_or_not_awaited() -> None:
    served = {"ServiceSpec": {"DefaultPort": 80}}
    assert problems_of("PyTorchJob", Master=READY, Worker=served) == []
    running = {"StartupDependencies": after("Worker")}
    assert problems_of("PyTorchJob", Master=running, Worker={}) == []
    # The one Worker becomes the Head, whose port is Ray's.
    assert problems_of("RayJob", **{"Worker": {}, "Worker-a": READY}) == []


def test_a_head_of_a_data_juicer_answers_only_where_there_is_a_ray() -> None:
    waits = {"StartupDependencies": after("Head", "ServiceReady")}
    assert problems_of("DataJuicerJob", Head={}, Worker=waits) == [PORT.format(0)]
    spread = {"DataJuicerConfig": {"ExecutionMode": "distributed"}}
    body = request({"Head": 1, "Worker": 1}, "DataJuicerJob", Settings=spread)
    body["JobSpecs"][1] |= waits
    assert awaited_ports(planned(body)) == {f"{JOB_ID}-head-0": 6379}


def test_a_missing_port_is_told_beside_everything_else() -> None:
    wrong = {**READY, "RestartPolicy": "Sometimes"}
    found = problems_of("PyTorchJob", Master=wrong, Worker={})
    assert found == ["JobSpecs[0].RestartPolicy", PORT.format(1)]
    assert problems_of("PyTorchJob", Boss=READY, Worker={}) == ["JobSpecs[0].Type"]


# who may start


def pods(*names: str) -> frozenset[str]:
    return frozenset(f"{JOB_ID}-{name}" for name in names)


def startable(plan: Plan, progress: Progress) -> str:
    return " ".join(short(r.pod_id) for r in plan.replicas if may_start(plan, r, progress))


def test_so_many_are_enough() -> None:
    plan = ordered("TFJob", TF, {"Chief": after("Worker", least="50%")})
    one, two = pods("worker-1"), pods("worker-1", "worker-3")
    assert "chief-0" not in startable(plan, Progress(started=one))
    assert "chief-0" in startable(plan, Progress(started=two))
    ended = exited(plan, {"worker-0": 0})
    assert "chief-0" in startable(plan, Progress(ended, started=one))


def test_succeeded_is_exit_code_0() -> None:
    plan = ordered("TFJob", {"Worker": 1, "PS": 1}, {"Worker": after("PS", "Succeeded")})
    started = pods("ps-0")
    assert startable(plan, Progress(started=started)) == "ps-0"
    assert startable(plan, Progress(exited(plan, {"ps-0": 1}), started)) == "ps-0"
    assert startable(plan, Progress(exited(plan, {"ps-0": 0}), started)) == "worker-0 ps-0"


def test_ready_is_who_has_answered_also_when_it_has_ended_since() -> None:
    plan = ordered("TFJob", {"Worker": 1, "PS": 1}, {"Worker": after("PS", "ServiceReady")})
    ready = pods("ps-0")
    assert startable(plan, Progress(started=ready)) == "ps-0"
    assert startable(plan, Progress(started=ready, answered=ready)) == "worker-0 ps-0"
    gone = exited(plan, {"ps-0": 0})
    assert startable(plan, Progress(gone, ready, answered=ready)) == "worker-0 ps-0"


# what can no longer be met


def test_a_job_that_waits_for_what_will_not_come_has_failed() -> None:
    plan = ordered("TFJob", {"Worker": 1, "PS": 2}, {"Worker": after("PS", "ServiceReady")})
    started = pods("ps-0", "ps-1")
    ended = exited(plan, {"ps-1": 0})
    assert decide(plan, Progress(ended, started)) == Finish(
        "Failed",
        "JobFailed",
        f"Job {JOB_ID} has failed because Worker starts after 2 of ps is ServiceReady at port "
        "2222, and ps-1 has ended without.",
        f"{JOB_ID}-ps-1",
    )


def test_as_long_as_enough_can_come_it_goes_on() -> None:
    waits = {"Worker": after("PS", "ServiceReady", "1")}
    plan = ordered("TFJob", {"Worker": 1, "PS": 2}, waits)
    started = pods("ps-0", "ps-1")
    goes_on = decide(plan, Progress(exited(plan, {"ps-1": 0}), started))
    assert not isinstance(goes_on, Finish)
    both = decide(plan, Progress(exited(plan, {"ps-1": 0, "ps-0": 0}), started))
    assert isinstance(both, Finish)
