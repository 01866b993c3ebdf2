"""A job as DLC's GetJob tells it (dlc-api G.3): the request again, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from localdlc.record.view import JobView, ReplicaView, StatusSpan

__all__ = ["get_job_answer", "gmt"]

# What GetJob says of members that the request does not give.
UNSAID: dict[str, Any] = {
    "Accessibility": "PRIVATE",
    "DataSources": [],
    "Envs": {},
    "Priority": 1,
    "ResourceId": "",
    "ThirdpartyLibDir": "",
    "ThirdpartyLibs": [],
    "UserCommand": "",
    "WorkspaceId": "",
}
FINISHED = {
    "Succeeded": "GmtSuccessedTime",  # DLC's spelling
    "Failed": "GmtFailedTime",
    "Stopped": "GmtStoppedTime",
}


def get_job_answer(
    view: JobView,
    request: Mapping[str, Any],
    plan: Mapping[str, Any],
    user_id: str,
    now: datetime,
) -> dict[str, Any]:
    """The body of GetJob's response, secrets as they were stored: masked.

    What only this machine knows is in the member ``Localdlc``: the whole view, times to the
    microsecond, and the plan. Times are absent until their moment has come; ``Duration`` is in
    seconds, until ``now`` for a job that has not ended.
    """
    return {
        **UNSAID,
        **echoed(request),
        "JobId": view.job_id,
        "DisplayName": view.display_name,
        "JobType": view.job_type,
        "Status": view.status,
        "SubStatus": "",
        "ReasonCode": view.reason_code,
        "ReasonMessage": view.reason_message,
        "UserId": user_id,
        "ResourceType": "ECS",
        **times(view),
        "Duration": seconds(view.created, now) if view.duration is None else round(view.duration),
        **totals(plan),
        "RestartTimes": f"{view.restarts}/{plan.get('restart_budget') or 0}",
        "RestartRecord": restarts(view),
        "StatusHistory": [history(span) for span in view.history],
        "JobReplicaStatuses": list(replica_statuses(view, plan)),
        "RoleSystemEnvs": system_envs(plan),
        "Pods": [pod(replica, role, view) for replica, role in pods(view, plan)],
        "EnabledDebugger": False,
        "supportedProfilingTypes": "",
        "Localdlc": {**asdict(view), "plan": plan},
    }


def echoed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request, with the one member that answers spell in another way."""
    said = dict(request)
    if isinstance(vpc := said.get("UserVpc"), Mapping):
        said["UserVpc"] = {
            "ExtendedCidrs" if name == "ExtendedCIDRs" else name: value
            for name, value in vpc.items()
        }
    return said


def gmt(time: datetime) -> str:
    """``2026-11-22T06:00:00Z``"""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def times(view: JobView) -> dict[str, str]:
    """When it came to be, was handed over, ran and ended, as far as it has."""
    began = {span.status: span.start for span in reversed(view.history)}
    moments = {
        "GmtCreateTime": view.created,
        "GmtSubmittedTime": view.history[1].start if len(view.history) > 1 else None,
        "GmtRunningTime": began.get("Running"),
    }
    if view.terminal:
        ended = view.finished or view.history[-1].start
        moments |= {FINISHED[view.status]: ended, "GmtFinishTime": ended}
    return {name: gmt(moment) for name, moment in moments.items() if moment}


def seconds(start: datetime | None, end: datetime | None) -> int:
    """Never less than none: clocks are set back, too."""
    return max(0, round((end - start).total_seconds())) if start and end else 0


def totals(plan: Mapping[str, Any]) -> dict[str, float]:
    """What all replicas together ask for, memory in bytes."""
    given = [replica["resources"] for replica in plan["replicas"]]
    asks = [resources.get("asked") or {} for resources in given]
    return {
        "RequestCPU": int(sum(ask.get("cpus") or 0 for ask in asks)),
        "RequestGPU": float(sum(resources.get("gpu_count") or 0 for resources in given)),
        "RequestMemory": float(sum(ask.get("memory") or 0 for ask in asks)),
    }


def history(span: StatusSpan) -> dict[str, str]:
    end = {"EndTime": gmt(span.end)} if span.end else {}
    return {
        "Status": span.status,
        "StartTime": gmt(span.start),
        **end,
        "ReasonCode": span.reason_code,
        "ReasonMessage": span.reason_message,
    }


def restarts(view: JobView) -> list[dict[str, Any]]:
    """Every pod that began anew, in order; those of one restart share its number."""
    return [
        {
            "JobRestartCount": again.restart,
            "OccurTime": gmt(time),
            "OccurPhase": "Running",
            "Reason": again.reason,
            "RestartStatus": "Succeeded",
            "DetailErrorInfoList": [{"Pod": again.pod_id, "TriggerRestart": True}],
        }
        for time, again in view.restarted
    ]


def replica_statuses(view: JobView, plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """By role how many replicas run, and how many wait to."""
    roles: dict[str, list[str]] = {}
    for replica, role in pods(view, plan):
        roles.setdefault(role, []).append(replica.status)
    for role, statuses in roles.items():
        waiting = 0 if view.terminal else statuses.count("Pending")
        yield {"Type": role, "Active": statuses.count("Running"), "Queuing": waiting}


def system_envs(plan: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By role the variables that DLC injects, as its first replica has them."""
    found: dict[str, dict[str, str]] = {}
    for replica in plan["replicas"]:
        injected = {name: replica["env"][name] for name in replica.get("injected", ())}
        found.setdefault(replica["role"], injected)
    return found


def pods(view: JobView, plan: Mapping[str, Any]) -> Iterator[tuple[ReplicaView, str]]:
    """Every replica of the plan with its role; one that never started is Pending."""
    for replica in plan["replicas"]:
        pod_id = replica["pod_id"]
        yield view.replicas.get(pod_id) or ReplicaView(pod_id), replica["role"]


def pod(replica: ReplicaView, role: str, view: JobView) -> dict[str, Any]:
    told = incarnation(replica, role, view)
    return {**told, "HistoryPods": [incarnation(old, role, view) for old in replica.earlier]}


def incarnation(replica: ReplicaView, role: str, view: JobView) -> dict[str, Any]:
    """One attempt. The cloud makes a pod before it starts it; here both are one moment."""
    moments = {
        "GmtCreateTime": replica.started or view.created,
        "GmtStartTime": replica.started,
        "GmtFinishTime": replica.finished,
    }
    return {
        "PodId": replica.pod_id,
        "PodUid": replica.pod_uid,
        "Type": role,
        "Status": replica.status,
        "SubStatus": "Normal",
        "Ip": replica.ip,
        "PodIps": [{"Ip": replica.ip, "InterfaceName": "eth0"}] if replica.ip else [],
        "ResourceType": "Normal",
        **{name: gmt(moment) for name, moment in moments.items() if moment},
        "Duration": seconds(replica.started, replica.finished),
        **ended(replica),
    }


def ended(replica: ReplicaView) -> dict[str, Any]:
    """``StatusDetail``, which real answers have and the documents do not."""
    if replica.exit_code is None:
        return {"StatusDetail": {"Message": replica.lost}} if replica.lost else {}
    reason = "OOMKilled" if replica.oom else "Error" if replica.exit_code else "Completed"
    message = f"killed by {replica.signal}" if replica.signal else ""
    detail = {"ExitCode": replica.exit_code, "Reason": reason, "Message": message}
    return {"StatusDetail": detail}
