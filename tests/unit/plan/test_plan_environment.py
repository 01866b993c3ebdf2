"""The variables of a replica: how it finds its peers, and which of two values wins."""

from __future__ import annotations

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
    assert planned(body).secret_values() == ("pass-1234", "YXV0aA")
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
