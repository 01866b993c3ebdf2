"""A job as DLC's GetJob tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from localdlc.record.events import (
    Event,
    JobCreated,
    JobFinished,
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaRestarted,
    ReplicaStarted,
    StatusChanged,
)
from localdlc.record.get_job import get_job_answer
from localdlc.record.view import fold

JOB = "dlc0000000000001"
MASTER, WORKER = f"{JOB}-master-0", f"{JOB}-worker-0"
START = datetime(2026, 11, 22, 6, 0, 0, 250_000, UTC)
ASKED = {"cpus": 2.0, "memory": 1 << 30}
PLAN = {
    "job_id": JOB,
    "restart_budget": 3,
    "replicas": [
        {
            "pod_id": pod,
            "role": role,
            "env": {"RANK": rank, "MINE": "1"},
            "injected": ["RANK"],
            "resources": {"asked": ASKED, "gpu_count": 2},
        }
        for pod, role, rank in ((MASTER, "master", "0"), (WORKER, "worker", "1"))
    ],
}
REQUEST = {
    "DisplayName": "job",
    "JobType": "PyTorchJob",
    "Priority": 5,
    "UserVpc": {"VpcId": "vpc-1", "ExtendedCIDRs": ["10.0.0.0/8"]},
}


def answer(*events: Event, every: float = 1.0, now: datetime = START) -> dict[str, Any]:
    """What GetJob says after ``events``, one a second."""
    records = [
        Record(n, START + timedelta(seconds=n * every), JOB, event)
        for n, event in enumerate(events)
    ]
    return get_job_answer(fold(records), REQUEST, PLAN, "42", now)


def exited(pod: str, code: int, second: int, attempt: int = 1, **more: Any) -> ReplicaExited:
    at = START + timedelta(seconds=second)
    known = {"oom": False, "signal": None, "stopped_by_us": False, **more}
    return ReplicaExited(pod, attempt, code, finished_at=at, **known)


BEGUN = (
    JobCreated("job", "PyTorchJob", 2),
    StatusChanged("", "Creating", "JobCreated"),
    StatusChanged("Creating", "EnvPreparing"),
    ReplicaStarted(MASTER, "uid-1", 1, "c1", "10.0.0.2"),
    StatusChanged("EnvPreparing", "Running", "JobRunning", "it runs"),
)


def test_a_job_that_has_only_begun_has_no_times_to_come() -> None:
    told = answer(*BEGUN[:3], now=START + timedelta(seconds=9))
    assert [name for name in told if name.startswith("Gmt")] == [
        "GmtCreateTime",
        "GmtSubmittedTime",
    ]
    assert (told["GmtCreateTime"], told["Duration"]) == ("2026-11-22T06:00:00Z", 9)
    assert [pod["Status"] for pod in told["Pods"]] == ["Pending", "Pending"]
    assert "EndTime" not in told["StatusHistory"][-1]
    assert [s["Queuing"] for s in told["JobReplicaStatuses"]] == [1, 1]


def test_a_job_that_runs_counts_by_role() -> None:
    told = answer(*BEGUN)
    assert told["JobReplicaStatuses"] == [
        {"Type": "master", "Active": 1, "Queuing": 0},
        {"Type": "worker", "Active": 0, "Queuing": 1},
    ]
    assert told["GmtRunningTime"] == "2026-11-22T06:00:04Z"
    assert told["Pods"][0]["PodIps"] == [{"Ip": "10.0.0.2", "InterfaceName": "eth0"}]


def test_the_request_comes_back_with_what_it_left_out() -> None:
    told = answer(*BEGUN)
    assert (told["Priority"], told["Accessibility"], told["DataSources"]) == (5, "PRIVATE", [])
    assert told["UserVpc"] == {"VpcId": "vpc-1", "ExtendedCidrs": ["10.0.0.0/8"]}
    assert told["UserId"] == "42"
    assert (told["RequestCPU"], told["RequestGPU"]) == (4, 4.0)
    assert told["RequestMemory"] == 2.0 * (1 << 30)
    assert told["RoleSystemEnvs"] == {"master": {"RANK": "0"}, "worker": {"RANK": "1"}}


def test_ends_have_their_times_and_their_codes() -> None:
    told = answer(
        *BEGUN,
        exited(MASTER, 137, 9, signal="SIGKILL", oom=True),
        ReplicaLost(WORKER, 1, "gone"),
        StatusChanged("Running", "Failed", "JobFailed", "because"),
        JobFinished("Failed", "JobFailed", "because", MASTER, 8.0),
    )
    assert told["GmtFailedTime"] == told["GmtFinishTime"] == "2026-11-22T06:00:08Z"
    assert "GmtSuccessedTime" not in told
    assert told["Duration"] == 8
    master, worker = told["Pods"]
    assert master["StatusDetail"] == {
        "ExitCode": 137,
        "Reason": "OOMKilled",
        "Message": "killed by SIGKILL",
    }
    assert (master["GmtFinishTime"], master["Duration"]) == ("2026-11-22T06:00:09Z", 6)
    assert (worker["Status"], worker["StatusDetail"]) == ("Unknown", {"Message": "gone"})
    assert told["StatusHistory"][-1]["ReasonMessage"] == "because"
    assert told["Localdlc"]["deciding_replica"] == MASTER


def test_earlier_incarnations_and_restarts_are_told() -> None:
    told = answer(
        *BEGUN,
        exited(MASTER, 1, 5),
        StatusChanged("Running", "Restarting", "JobRestarting", "again"),
        ReplicaRestarted(MASTER, 2, "it failed", 1),
        ReplicaStarted(MASTER, "uid-2", 2, "c2", "10.0.0.2"),
    )
    (old,) = told["Pods"][0]["HistoryPods"]
    assert (old["PodUid"], old["StatusDetail"]["ExitCode"]) == ("uid-1", 1)
    assert (told["Pods"][0]["PodUid"], told["Pods"][0]["Status"]) == ("uid-2", "Running")
    assert told["RestartTimes"] == "1/3"
    (again,) = told["RestartRecord"]
    assert (again["JobRestartCount"], again["OccurTime"]) == (1, "2026-11-22T06:00:07Z")
    assert again["DetailErrorInfoList"] == [{"Pod": MASTER, "TriggerRestart": True}]
