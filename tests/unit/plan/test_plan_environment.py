"""The variables of a replica: how it finds its peers, and which of two values wins."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from given import JOB_ID, plan_of, planned, request, short

from localdlc.plan.secrets import masked_by_name, names_a_secret

WIRING = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "NPROC_PER_NODE")


def env_of(pod: str, **members: Any) -> dict[str, str]:
    plan = plan_of(
        members.pop("roles", {"Worker": 1}), members.pop("job_type", "PyTorchJob"), **members
    )
    return next(replica.env for replica in plan.replicas if short(replica.pod_id) == pod)


@pytest.mark.parametrize(
    ("pod", "rank"), [("master-0", "0"), ("worker-0", "1"), ("worker-1", "2"), ("worker-2", "3")]
)
def test_four_workers_meet_at_the_first_of_them(pod: str, rank: str) -> None:
    env = env_of(pod, roles={"Worker": 4})
    assert [env[name] for name in WIRING] == [f"{JOB_ID}-master-0", "23456", "4", rank, "1"]


@pytest.mark.parametrize(("pod", "rank"), [("master-0", "0"), ("worker-0", "1"), ("worker-1", "2")])
def test_xgboosts_tracker_is_at_the_master_and_workers_are_listed(pod: str, rank: str) -> None:
    env = env_of(pod, job_type="XGBoostJob", roles={"Worker": 3})
    assert [env[name] for name in WIRING[:4]] == [f"{JOB_ID}-master-0", "9999", "3", rank]
    assert env["WORKER_PORT"] == "9999"
    assert env["WORKER_ADDRS"] == f"{JOB_ID}-worker-0,{JOB_ID}-worker-1"


def test_a_lone_xgboost_master_is_told_of_no_workers() -> None:
    env = env_of("master-0", job_type="XGBoostJob", roles={"Worker": 1})
    assert not {"WORKER_PORT", "WORKER_ADDRS"} & env.keys()


def test_a_variable_that_only_some_replicas_are_given_is_noted_with_their_role() -> None:
    roles = {"Master": 1, "Worker": 2}
    plan = plan_of(roles, "MPIJob", Envs={"I_MPI_PERHOST": "9", "RANK": "1"})
    said = "DLC sets this variable itself in Master; the value of the request has no effect there."
    assert [note for note in plan.notes if "DLC sets" in note] == [f"I_MPI_PERHOST: {said}"]
    assert [r.env["I_MPI_PERHOST"] for r in plan.replicas] == ["1", "9", "9"]
    # The Head, which comes first, is not given it.
    plan = plan_of({"Head": 1, "Worker": 1, "Worker-a": 1}, "RayJob", Envs={"RAY_IP": "x"})
    [note] = [note for note in plan.notes if "DLC sets" in note]
    assert "RAY_IP: DLC sets this variable itself in Worker and Worker-a;" in note
    plan = plan_of(roles, "PyTorchJob", Envs={"RANK": "1"})
    [note] = [note for note in plan.notes if "DLC sets" in note]
    assert note == "RANK: DLC sets this variable itself; the value of the request has no effect."


def test_oneflow_has_pytorchs_variables() -> None:
    flow, torch = (
        env_of("worker-0", job_type=job_type, roles={"Worker": 2})
        for job_type in ("OneFlowJob", "PyTorchJob")
    )
    assert flow == torch


def test_an_elastic_worker_knows_its_task_and_nobody_else() -> None:
    env = env_of("worker-1", job_type="ElasticBatchJob", roles={"Worker": 3})
    assert env["ElASTICBATCH_CONFIG"] == (
        '{"task":{"type":"worker","index":1},"environment":"cloud"}'
    )
    assert not [value for value in env.values() if f"{JOB_ID}-" in value]


def test_ray_has_the_variables_of_kuberay() -> None:
    roles: dict[str, int | None] = {"Head": 1, "Worker-a": 1}
    head, worker = (env_of(p, job_type="RayJob", roles=roles) for p in ("head-0", "worker-a-0"))
    same = ("RAY_CLUSTER_NAME", "RAY_CLUSTER_NAMESPACE", "RAY_PORT", "RAY_USAGE_STATS_ENABLED")
    for env in (head, worker):
        assert [env[name] for name in same] == [JOB_ID, "t1000000000000000", "6379", "0"]
    own = ("RAY_CLOUD_INSTANCE_ID", "RAY_NODE_TYPE_NAME", "RAY_ADDRESS")
    assert [head[name] for name in own] == [f"{JOB_ID}-head-0", "head", "127.0.0.1:6379"]
    assert [worker[name] for name in own] == [
        f"{JOB_ID}-worker-a-0",
        "worker-a",
        f"{JOB_ID}-head-0:6379",
    ]
    assert worker["RAY_IP"] == f"{JOB_ID}-head-0"
    assert worker["FQ_RAY_IP"] == f"{JOB_ID}-head-0.t1000000000000000.svc"
    assert not {"RAY_IP", "FQ_RAY_IP"} & head.keys()


def test_every_replica_knows_its_job_and_writes_its_log_at_once() -> None:
    env = env_of("chief-0", job_type="TFJob")
    assert env["DLC_JOB_ID"] == JOB_ID
    assert (env["PYTHONUNBUFFERED"], env["KUBERNETES_CONTAINER_RESOURCE_GPU"]) == ("1", "0")


def test_tf_config_is_one_compact_line_in_the_order_of_the_operators() -> None:
    env = env_of("ps-1", job_type="TFJob", roles={"Worker": 1, "PS": 2})
    at = [f'"{JOB_ID}-{pod}.t1000000000000000.svc:2222"' for pod in ("ps-0", "ps-1", "worker-0")]
    assert env["TF_CONFIG"] == (
        f'{{"cluster":{{"ps":[{at[0]},{at[1]}],"worker":[{at[2]}]}},'
        '"task":{"type":"ps","index":1},"environment":"cloud"}'
    )


def test_a_lone_replica_has_no_tf_config() -> None:
    assert "TF_CONFIG" not in env_of("chief-0", job_type="TFJob", roles={"Worker": 1})
    assert "TF_CONFIG" not in env_of("chief-0", job_type="TFJob", roles={"Chief": 1})


@pytest.mark.parametrize("pod", ["chief-0", "evaluator-0"])
def test_an_evaluator_is_a_task_and_no_part_of_the_cluster(pod: str) -> None:
    env = env_of(pod, job_type="TFJob", roles={"Chief": 1, "Evaluator": 1})
    config = json.loads(env["TF_CONFIG"])
    assert list(config["cluster"]) == ["chief"]
    assert config["task"] == {"type": pod.removesuffix("-0"), "index": 0}


def test_graphlearn_is_in_the_cluster() -> None:
    env = env_of("worker-0", job_type="TFJob", roles={"Worker": 1, "GraphLearn": 2})
    assert {role: len(at) for role, at in json.loads(env["TF_CONFIG"])["cluster"].items()} == {
        "graphlearn": 2,
        "worker": 1,
    }


# who wins


def test_what_dlc_injects_wins_with_a_note() -> None:
    plan = plan_of({"Worker": 1}, Envs={"RANK": "9", "DLC_JOB_ID": "mine", "OTHER": "kept"})
    env = plan.replicas[0].env
    assert (env["RANK"], env["DLC_JOB_ID"], env["OTHER"]) == ("0", JOB_ID, "kept")
    assert [note.partition(":")[0] for note in plan.notes] == ["DLC_JOB_ID", "RANK"]


@pytest.mark.parametrize("name", ["NPROC_PER_NODE", "PYTHONUNBUFFERED"])
def test_two_variables_are_the_users_to_set(name: str) -> None:
    plan = plan_of({"Worker": 1}, Envs={name: "7"})
    assert plan.replicas[0].env[name] == "7"
    assert plan.notes == ()


def test_custom_envs_go_before_envs() -> None:
    custom = [{"Key": "A", "Value": "custom", "Visible": "public"}]
    assert env_of("master-0", Envs={"A": "plain"}, CustomEnvs=custom)["A"] == "custom"


def test_a_variable_without_a_value_is_empty() -> None:
    assert env_of("master-0", CustomEnvs=[{"Key": "A"}])["A"] == ""


# secrets


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("OSS_ACCESS_KEY_ID", True),
        ("HF_TOKEN", True),
        ("apiToken", True),
        ("DB_PASSWORD", True),
        ("APIKEY", True),
        ("aws_secret_access_key", True),
        ("MAX_TOKENS", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("KEYBOARD", False),
        ("MONKEY", False),
        ("", False),
    ],
)
def test_a_name_gives_a_secret_away(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret


@pytest.mark.parametrize(
    ("visible", "shown"),
    [("public", "v-1234"), ("private", "***"), ("", "***"), (None, "***"), ("Public", "***")],
)
def test_only_public_custom_envs_are_shown(visible: str | None, shown: str) -> None:
    item = {"Key": "A", "Value": "v-1234", "Visible": visible}
    plan = plan_of({"Worker": 1}, CustomEnvs=[item])
    assert plan.replicas[0].shown_env()["A"] == shown
    assert plan.replicas[0].env["A"] == "v-1234"
    assert plan.secret_values() == (() if shown == "v-1234" else ("v-1234",))


def test_a_hidden_variable_that_loses_does_not_hide_the_one_that_wins() -> None:
    plan = plan_of({"Worker": 1}, CustomEnvs=[{"Key": "MASTER_ADDR", "Value": "mine-123"}])
    assert plan.replicas[0].shown_env()["MASTER_ADDR"] == f"{JOB_ID}-master-0"
    assert plan.secret_values() == ()


def test_registry_credentials_are_secret() -> None:
    body = request({"Worker": 1})
    body["JobSpecs"][0]["ImageConfig"] = {
        "Username": "u",
        "Password": "pass-1234",
        "Auth": "YXV0aA",
    }
    sent = base64.b64encode(b"u:pass-1234").decode()
    assert planned(body).secret_values() == (sent, "pass-1234", "YXV0aA")
    assert "pass-1234" not in json.dumps(planned(body).to_json())


def test_a_stored_request_keeps_no_credential() -> None:
    stored = masked_by_name(
        {
            "Envs": {"HF_TOKEN": "a", "LR": "0.1"},
            "CustomEnvs": [
                {"Key": "A", "Value": "a", "Visible": "private"},
                {"Key": "B", "Value": "b", "Visible": "public"},
            ],
            "JobSpecs": [{"ImageConfig": {"Username": "u", "Password": "p", "Auth": "q"}}],
        }
    )
    assert stored == {
        "Envs": {"HF_TOKEN": "***", "LR": "0.1"},
        "CustomEnvs": [
            {"Key": "A", "Value": "***", "Visible": "private"},
            {"Key": "B", "Value": "b", "Visible": "public"},
        ],
        "JobSpecs": [{"ImageConfig": {"Username": "u", "Password": "***", "Auth": "***"}}],
    }
