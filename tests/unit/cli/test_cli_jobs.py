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
    members = frozenset({"time", "pod_id", "attempt", "stream", "text"})
    assert {frozenset(body) for body in bodies} == {members}
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
        "trimmed",
        f"jobs/{JOB_ID}/lock",
        f"jobs/{JOB_ID}/logs/{JOB_ID}-master-0.1.log",
        f"jobs/{JOB_ID}/logs/{JOB_ID}-worker-0.1.log",
        f"jobs/{JOB_ID}/plan.json",
        f"jobs/{JOB_ID}/request.json",
    }
    assert not [name for name in files if b"hf_abcdefg" in (home / name).read_bytes()]


def test_logs_are_filtered_and_folded(home: Path, cli: Cli) -> None:
    assert cli("logs", "last", "--grep", "hello").out == (
        "master-0 | hello from 0\nworker-0 | hello from 1\n"
    )
    assert cli("logs", "last", "master-0", "worker-0", "--tail", "0").out == ""
    assert "all 2 | 100%" in cli("logs", "last", "--fold").out.splitlines()
    assert cli("logs", "last", "--until", "1h").out == ""
    assert cli("logs", "last", "--since", "1h", "--grep", "hello", "worker-0").out == (
        "hello from 1\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grep", "("], "no regular expression"),
        (["--since", "yesterday"], "10m, 2h or 7d"),
        (["--tail", "-1"], "--tail"),
        (["--fold", "--follow"], "--fold and --previous"),
    ],
)
def test_a_wrong_filter_is_told(home: Path, cli: Cli, arguments: list[str], words: str) -> None:
    said = cli("logs", "last", *arguments)
    assert said.code == 2
    assert words in said.err


def test_folded_lines_are_no_json(home: Path, cli: Cli) -> None:
    said = cli("logs", "last", "--fold", "-o", "json")
    assert (said.code, said.json["type"]) == (2, "error")


def test_where_the_time_went_is_shown_and_traced(home: Path, cli: Cli) -> None:
    said = cli("show", "last", "--timeline")
    assert [row.split()[0] for row in said.out.splitlines()][:1] == ["PHASE"]
    trace = Path(said.err.split(": ")[0])
    names = {event["name"] for event in json.loads(trace.read_text())["traceEvents"]}
    assert names >= {"run", "Running", "stop"}
    rows = cli("show", "last", "--timeline", "-o", "json").json
    assert {"name", "subject", "start", "end", "seconds"} == set(rows[0])


@pytest.mark.parametrize("command", ["stop", "rm"])
def test_what_is_wrong_with_one_job_keeps_no_other_from_being_seen_to(
    home: Path, cli: Cli, command: str
) -> None:
    said = cli(command, "dlcabsent", "dlcgone", JOB_ID)
    assert said.code == 2
    assert said.err.count("localdlc: there is no job ") == 2
    assert ("cannot be stopped" in said.err) is (command == "stop")
    assert (f"removed {JOB_ID}" in said.out) is (command == "rm")
    assert (JOB_ID in cli("list").out) is (command == "stop")


@pytest.mark.parametrize(
    ("arguments", "known"), [(["--status", "Done"], "Stopped"), (["--type", "X"], "MPIJob")]
)
def test_what_no_job_can_be_is_told_with_what_it_can(
    cli: Cli, arguments: list[str], known: str
) -> None:
    said = cli("list", *arguments)
    assert said.code == 2
    assert f"'{arguments[1]}' is not one of " in said.err
    assert known in said.err


def test_statuses_and_types_are_taken_in_any_case(home: Path, cli: Cli) -> None:
    assert len(cli("list", "--status", "failed", "--type", "pytorchjob", "-o", "json").json) == 1


def test_jobs_are_listed_by_what_is_asked(home: Path, cli: Cli) -> None:
    assert len(cli("list", "--status", "Failed", "--name", "JOB", "-o", "json").json) == 1
    assert cli("list", "--status", "Succeeded", "-o", "json").json == []
    assert cli("list", "--page", "2").code == 2
