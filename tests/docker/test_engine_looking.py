"""Looking at jobs while they run and afterwards, and the exit code of every verdict."""

from __future__ import annotations

import json
import signal

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

TWO = {"Master": 1, "Worker": 1}


def test_a_job_is_seen_running_and_then_stopped(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job("echo up; sleep 60", TWO), "--job-id", "dlcseen")
    going.wait_for("master-0 | up").wait_for("worker-0 | up")
    assert json.loads(localdlc("list", "-o", "json").out)[0]["status"] == "Running"
    view = json.loads(localdlc("show", "dlcs", "-o", "json").out)
    assert {pod["PodId"]: pod["Status"] for pod in view["Pods"]} == {
        "dlcseen-master-0": "Running",
        "dlcseen-worker-0": "Running",
    }
    going.signal(signal.SIGTERM).finish()
    assert json.loads(localdlc("list", "-o", "json").out)[0]["status"] == "Stopped"
    shown = localdlc("show", "last").text
    assert shown.startswith("PyTorchJob dlcseen (test): Stopped")
    assert "exit code 143 (SIGTERM): stopped by localdlc" in shown


def test_the_event_stream_tells_the_whole_story_in_order(localdlc: CommandLine) -> None:
    done = localdlc.run(job("echo hi", TWO), "-o", "json")
    numbers = [event["seq"] for event in done.events]
    assert numbers == sorted(set(numbers))
    asides = {"Note", "FidelityReport"}
    told = [event["type"] for event in done.events if event["type"] not in asides]
    assert told[:3] == ["JobCreated", "StatusChanged", "StatusChanged"]
    assert told[-1] == "JobFinished"
    assert [e["to"] for e in done.of("StatusChanged")] == [
        "Creating",
        "EnvPreparing",
        "Running",
        "Succeeded",
    ]
    for kind in ("ReplicaStarted", "Log", "ReplicaExited"):
        assert len(done.of(kind)) == 2, kind
    assert {event["job_id"] for event in done.events} == {done.events[0]["job_id"]}


def test_every_verdict_has_its_exit_code(localdlc: CommandLine) -> None:
    assert localdlc.run(job("true")).code == 0
    assert localdlc.run(job("exit 9")).code == 1
    assert localdlc.run(job("true", JobType="NoJob")).code == 2
    assert localdlc("run", "no-such-file.json").code == 2
    assert localdlc("show", "last").code == 0
    assert localdlc("show", "dlcnone").code == 2


def test_logs_of_one_replica_or_all_are_there_afterwards(localdlc: CommandLine) -> None:
    localdlc.run(job("echo I am $RANK", TWO), "--job-id", "dlclogs")
    assert sorted(localdlc("logs", "dlclogs").lines) == ["master-0 | I am 0", "worker-0 | I am 1"]
    assert localdlc("logs", "last", "worker-0").text == "I am 1\n"
    assert localdlc("logs", "last", "ps-0").code == 2


def test_sixteen_replicas_are_no_trouble_and_no_noise(localdlc: CommandLine) -> None:
    done = localdlc.run(job("echo $RANK", {"Master": 1, "Worker": 15}), "-q")
    assert sorted(int(line.partition(" | ")[2]) for line in done.lines) == list(range(16))
    assert done.err.splitlines()[-1].startswith("Succeeded")
    assert "Connection pool" not in done.err
