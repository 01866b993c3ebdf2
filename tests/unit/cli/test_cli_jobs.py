"""Jobs that were, as the command line shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alone import Cli
from given import JOB_ID, request

import localdlc
from localdlc.run.fake_engine import FakeEngine, FakeReplica


def train(replica: FakeReplica) -> int:
    rank = replica.env["RANK"]
    replica.write(f"hello from {rank}\n10%\r100%\n".encode())
    replica.write(b"\xff careful\n", "stderr")
    return int(rank)


@pytest.fixture
def home(alone: None, tmp_path: Path) -> Path:
    """A home with one job that failed because of worker-0."""
    folder = tmp_path / "home"
    body = request({"Worker": 2}, Envs={"HF_TOKEN": "hf_abcdefg"})
    localdlc.run(body, engine=FakeEngine(train), home=folder, job_id=JOB_ID)
    return folder


def test_a_job_is_listed(home: Path, cli: Cli) -> None:
    (row,) = cli("list", "-o", "json").json
    assert (row["job_id"], row["status"], row["replicas"]) == (JOB_ID, "Failed", 2)
    assert JOB_ID in cli("list").out


@pytest.mark.parametrize("name", [JOB_ID, "last", "dlc1lo"])
def test_a_job_is_shown_by_id_prefix_or_last(home: Path, cli: Cli, name: str) -> None:
    said = cli("show", name)
    assert said.code == 0
    assert said.out.startswith(f"PyTorchJob {JOB_ID} (job): Failed")
    assert "worker-0" in said.out


def test_a_job_as_json_holds_its_story_and_its_plan(home: Path, cli: Cli) -> None:
    body = cli("show", "last", "-o", "json").json["Localdlc"]
    assert (body["status"], body["deciding_replica"]) == ("Failed", f"{JOB_ID}-worker-0")
    assert body["replicas"][f"{JOB_ID}-worker-0"]["exit_code"] == 1
    assert [span["status"] for span in body["history"]][-1] == "Failed"
    assert body["plan"]["job_id"] == JOB_ID
    assert body["plan"]["replicas"][0]["env"]["HF_TOKEN"] == "***"


def test_what_dlc_injected_is_shown_replica_by_replica(home: Path, cli: Cli) -> None:
    injected = cli("show", "last", "--env", "-o", "json").json
    assert [pod.removeprefix(f"{JOB_ID}-") for pod in injected] == ["master-0", "worker-0"]
    assert injected[f"{JOB_ID}-worker-0"]["RANK"] == "1"
    assert not any("HF_TOKEN" in variables for variables in injected.values())
    shown = cli("show", "last", "--env").out.splitlines()
    assert shown[0] == f"{JOB_ID}-master-0"
    assert f"  MASTER_ADDR={JOB_ID}-master-0" in shown


def test_replicas_are_shown_in_the_order_of_the_plan(cli: Cli, tmp_path: Path) -> None:
    """A TFJob starts its PS first, which its plan names last."""
    body = request({"PS": 1, "Chief": 1, "Worker": 11}, "TFJob")
    localdlc.run(body, engine=FakeEngine(lambda _: 0), home=tmp_path / "home")
    shown = cli("show", "last", "-o", "json").json["Localdlc"]
    assert list(shown["replicas"]) == [
        replica["pod_id"]
        for replica in shown["plan"]["replicas"]
        if replica["pod_id"] in shown["replicas"]
    ]


def test_logs_are_those_of_all_replicas_or_of_one(home: Path, cli: Cli) -> None:
    everything = cli("logs", "last").out.splitlines()
    assert [line for line in everything if "careful" not in line] == [
        "master-0 | hello from 0",
        "master-0 | 100%",
        "worker-0 | hello from 1",
        "worker-0 | 100%",
    ]
    one = cli("logs", "last", "worker-0").out.splitlines()
    assert sorted(one) == sorted(["hello from 1", "100%", "\\xff careful"])
    assert one == cli("logs", JOB_ID, f"{JOB_ID}-worker-0").out.splitlines()


def test_logs_as_json_are_an_object_a_line(home: Path, cli: Cli) -> None:
    bodies = [json.loads(line) for line in cli("logs", "last", "-o", "json").out.splitlines()]
    assert {tuple(body) for body in bodies} == {("time", "pod_id", "attempt", "stream", "text")}
    assert {(body["stream"], body["text"]) for body in bodies} >= {
        ("stderr", "\\xff careful"),
        ("stdout", "10%\r100%"),
    }


def test_a_replica_that_is_not_there_is_told_with_those_that_are(home: Path, cli: Cli) -> None:
    said = cli("logs", "last", "worker-7")
    assert said.code == 2
    assert said.err == (
        f"localdlc: {JOB_ID} has no log of worker-7; there are: master-0, worker-0.\n"
    )


def test_a_home_holds_what_the_contract_says(home: Path, cli: Cli) -> None:
    files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    assert files - {"jobs.db-wal", "jobs.db-shm"} == {
        "jobs.db",
        f"jobs/{JOB_ID}/lock",
        f"jobs/{JOB_ID}/logs/{JOB_ID}-master-0.1.log",
        f"jobs/{JOB_ID}/logs/{JOB_ID}-worker-0.1.log",
        f"jobs/{JOB_ID}/plan.json",
        f"jobs/{JOB_ID}/request.json",
    }
    assert not [name for name in files if b"hf_abcdefg" in (home / name).read_bytes()]
