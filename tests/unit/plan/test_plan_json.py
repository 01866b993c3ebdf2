"""``plan -o json`` has the contract's members, these and no others."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

from given import JOB_ID, planned, request

from localdlc.config import CodeSource

PLAN = """job_id display_name job_type success_policy deadline_seconds grace_seconds priority
restart_budget network inputs replicas notes"""
REPLICA = """pod_id role index hostname aliases ip image command env injected mounts files
resources start_after restart_policy decides"""

BODY = request(
    {"Chief": 1, "PS": 1},
    "TFJob",
    DataSources=[{"Uri": "file:///data", "MountPath": "/mnt/d", "MountAccess": "RO"}],
)


def test_the_members_are_those_of_the_contract() -> None:
    plan = planned(BODY).to_json()
    assert list(plan) == PLAN.split()
    assert list(plan["network"]) == ["name", "subnet"]
    assert [list(brought) for brought in plan["inputs"]] == [["kind", "uri", "target", "read_only"]]
    replica = plan["replicas"][0]
    assert list(replica) == REPLICA.split()
    assert list(replica["mounts"][0]) == ["source", "target", "read_only", "layer"]
    resources = ["cpus", "memory", "shm", "gpu_count", "gpus", "ulimits", "asked"]
    assert list(replica["resources"]) == resources
    assert replica["start_after"] == [{"role": "ps", "phase": "Running"}]


def test_a_plan_touches_no_engine_and_so_knows_no_address() -> None:
    plan = planned(BODY).to_json()
    assert plan["network"] == {"name": f"localdlc-{JOB_ID}", "subnet": None}
    assert [replica["ip"] for replica in plan["replicas"]] == [None, None]


def test_a_placed_plan_has_its_gateway_first_and_its_replicas_in_order() -> None:
    plan = planned(BODY).placed(IPv4Network("10.9.8.0/29")).to_json()
    assert plan["network"]["subnet"] == "10.9.8.0/29"
    assert [replica["ip"] for replica in plan["replicas"]] == ["10.9.8.2", "10.9.8.3"]


def test_a_plan_is_json_and_the_same_twice() -> None:
    once, again = (json.dumps(planned(BODY).to_json()) for _ in range(2))
    assert once == again
    assert json.loads(once)["job_id"] == JOB_ID


def test_names_are_those_of_the_contract() -> None:
    plan = planned(request({"Worker": 2}), user_id="42")
    worker = plan.replicas[1]
    assert worker.pod_id == worker.hostname == f"{JOB_ID}-worker-0"
    assert worker.aliases == (f"{JOB_ID}-worker-0.t42", f"{JOB_ID}-worker-0.t42.svc")


def test_the_code_of_a_job_lies_in_the_folder_of_the_job() -> None:
    body = request({"Master": 1}, CodeSource={"CodeSourceId": "c", "MountPath": "/code"})
    plan = planned(body, home=Path("/h"), code_sources={"c": CodeSource("/src/repo")})
    assert plan.replicas[0].mounts[0].source == f"/h/jobs/{JOB_ID}/code"
