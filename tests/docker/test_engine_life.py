"""The life of a job on a real engine: attempts, order of start, deadline, reservation."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from engines import BASE, CommandLine, job

pytestmark = pytest.mark.engine

JOB = "dlclife00000001"
# Fails until it has been tried as often as $1 says; what it counts by outlives its container.
TRIES = """
echo x >>/mnt/d/$(hostname)
tries=$(wc -l </mnt/d/$(hostname))
echo "attempt $tries of $(hostname) at $(hostname -i)"
[ "$tries" -ge %d ]
"""


def tried(folder: Path, needed: int, roles: dict[str, int], **members: Any) -> dict[str, Any]:
    source = {"Uri": f"file://{folder}", "MountPath": "/mnt/d"}
    return job(TRIES % needed, roles, DataSources=[source], **members)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tries"
    made.mkdir()
    return made


def test_an_attempt_has_the_name_and_the_address_of_the_one_before(
    localdlc: CommandLine, folder: Path
) -> None:
    request = tried(folder, 3, {"Master": 1})
    request["JobSpecs"][0]["RestartPolicy"] = "OnFailure"
    done = localdlc.run(request, "--job-id", JOB)
    assert done.code == 0, done.err
    pod = f"{JOB}-master-0"
    address = done.lines[0].rsplit(" ", 1)[-1]
    assert done.lines == [f"master-0 | attempt {n} of {pod} at {address}" for n in (1, 2, 3)]
    assert f"{JOB}: Restarting: PyTorchJob {JOB} is restarting because 1 Master" in done.err
    assert "master-0 begins anew, attempt 3: master-0 ended with exit code 1" in done.err

    shown = localdlc("show", JOB)
    rows = [line.split() for line in shown.lines if line.startswith("  master-0")]
    assert [row[:2] for row in rows] == [
        ["master-0", "Failed"],
        ["master-0/2", "Failed"],
        ["master-0/3", "Succeeded"],
    ]
    logs = localdlc("logs", JOB).lines
    assert [line.split(" | ")[0] for line in logs] == ["master-0", "master-0/2", "master-0/3"]
    one = localdlc("logs", JOB, "master-0", "--attempt", "2").lines
    assert one == [f"attempt 2 of {pod} at {address}"]

    answer = json.loads(localdlc("show", JOB, "-o", "json").text)
    (replica,) = (one for one in answer["Pods"] if one["PodId"] == pod)
    uids = {replica["PodUid"], *(one["PodUid"] for one in replica["HistoryPods"])}
    assert (len(uids), answer["RestartTimes"], len(answer["RestartRecord"])) == (3, "2/3", 2)


def test_aimaster_restarts_all_and_what_they_wrote_is_there(
    localdlc: CommandLine, folder: Path
) -> None:
    settings = {
        "EnableErrorMonitoringInAIMaster": True,
        "ErrorMonitoringArgs": "--enable-job-restart true --max-num-of-job-restart 2",
    }
    request = tried(folder, 2, {"Master": 1, "Worker": 1}, Settings=settings)
    # The Master works until its second attempt; the Worker's first one fails.
    request["JobSpecs"][0]["UserCommand"] = (
        "echo x >>/mnt/d/master; [ $(wc -l </mnt/d/master) = 2 ] || { echo up; sleep 60; }"
    )
    done = localdlc.run(request, "-o", "json", "--job-id", JOB)
    assert done.code == 0, done.err
    again = [(e["pod_id"], e["attempt"], e["restart"]) for e in done.of("ReplicaRestarted")]
    assert sorted(again) == [(f"{JOB}-master-0", 2, 1), (f"{JOB}-worker-0", 2, 1)]
    first = next(e for e in done.of("ReplicaExited") if e["pod_id"].endswith("master-0"))
    assert (first["attempt"], first["stopped_by_us"]) == (1, True)


SERVE = "sleep 1; exec python3 -m http.server 8080"
ASK = "python3 -c \"import urllib.request as u; print(u.urlopen('http://%s:8080').status)\""


def test_a_worker_starts_when_its_upstreams_port_answers(localdlc: CommandLine) -> None:
    request = job(ASK % f"{JOB}-ps-0", {"Worker": 1, "PS": 1}, JobType="TFJob")
    worker, ps = request["JobSpecs"]
    worker["StartupDependencies"] = [{"Type": "PS", "OnPhase": "ServiceReady"}]
    ps |= {"UserCommand": SERVE, "ServiceSpec": {"DefaultPort": 8080}}
    done = localdlc.run(request, "--job-id", JOB)
    assert done.code == 0, done.err
    assert "worker-0 | 200" in done.lines


def test_a_minute_can_be_a_second(localdlc: CommandLine) -> None:
    request = job("sleep 60", JobMaxRunningTimeMinutes=1)
    done = localdlc.run(request, "--time-scale", "60", "--job-id", JOB)
    assert done.code == 1
    assert f"Job {JOB} has failed because it was active longer than specified deadline" in done.err


def test_a_replica_can_be_entered_after_its_end(localdlc: CommandLine) -> None:
    settings = {"JobReservedMinutes": 5, "JobReservedPolicy": "OnFailure"}
    request = job("echo left >/tmp/here; echo once; exit 7", Settings=settings)
    going = localdlc.start_job(request, "--job-id", JOB).wait_for("held for 300 s")
    entered = ["docker", "exec", f"{JOB}-master-0", "cat", "/tmp/here"]
    for _ in range(100):  # it is being started
        answer = subprocess.run(entered, capture_output=True, timeout=30, check=False)
        if answer.returncode == 0:
            break
    assert answer.stdout == b"left\n", answer.stderr
    assert f"{JOB}: FailedReserving" in going.err
    done = going.signal(signal.SIGINT).finish()
    assert (done.code, done.lines) == (1, ["master-0 | once"])
    assert "master-0 ended with exit code 7" in done.err


def test_what_is_around_a_replica_begins_anew_with_it_and_is_not_held(
    localdlc: CommandLine, folder: Path
) -> None:
    request = tried(folder, 2, {"Master": 1}, Settings={"JobReservedMinutes": 5})
    request["UserCommand"] = f"sleep 2; {request['UserCommand']}"  # what is beside it is up by then
    waits = "echo up; trap 'exit 0' TERM; sleep 600 & wait"
    request["JobSpecs"][0] |= {
        "RestartPolicy": "OnFailure",
        "ExtraPodSpec": {
            "InitContainers": [{"Name": "first", "Image": BASE, "Command": ["echo", "first"]}],
            "SideCarContainers": [
                {"Name": "side", "Image": BASE, "Command": ["sh", "-c", waits]},
            ],
        },
    }
    going = localdlc.start_job(request, "--job-id", JOB).wait_for("held for 300 s")
    done = going.signal(signal.SIGINT).finish()
    assert done.code == 0, done.err
    assert done.text.count("| first\n") == 2
    assert done.text.count("| attempt ") == 2
    assert done.text.count("| up\n") == 2
