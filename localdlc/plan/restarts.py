"""When a replica gets another attempt: by its RestartPolicy, or by AIMaster for the whole job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.progress import Ended, Progress, failed
from localdlc.record.events import ReplicaExited
from localdlc.spec.error_monitoring import Arguments, arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.plan.model import Plan, ReplicaPlan
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "Monitoring",
    "backoff",
    "budget",
    "monitoring",
    "monitoring_notes",
    "owed",
    "restart_notes",
]

# KubeDL's: interrupted, killed, told to by the program itself, terminated.
RETRYABLE = frozenset({130, 137, 138, 143})
# DLC documents no budget; nothing may loop for ever.
RESTARTS = 3
LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What AIMaster does: so many ``restarts`` of the job, 0 for none.

    ``together``: of all replicas, not of those that failed alone. ``silence``: the seconds without
    a line of any replica that are a hang; None, if nobody looks.
    """

    restarts: int
    together: bool = True
    silence: float | None = None


def owed(plan: Plan, replica: ReplicaPlan, end: Ended, progress: Progress) -> bool:
    """Whether ``replica`` is to begin anew after this end.

    Where AIMaster restarts, roles have no say: KubeDL's operator leaves it all to it.
    """
    if plan.monitoring and plan.monitoring.restarts:
        left = progress.restarts < plan.monitoring.restarts
        return left and replica.counts and failed(end)
    return end.attempt <= RESTARTS and wanted(replica.restart_policy, end)


def wanted(policy: str, end: Ended) -> bool:
    """What a RestartPolicy says of an end, were there no budget."""
    match policy:
        case "Always":
            return not (isinstance(end, ReplicaExited) and end.stopped_by_us)
        case "OnFailure":
            return failed(end)
        case "ExitCode":
            if not isinstance(end, ReplicaExited) or not failed(end):
                return False
            return end.oom or end.exit_code in RETRYABLE
    return False


def backoff(earlier: int) -> float:
    """Seconds to wait after so many restarts: 1, 2, 4 … 30."""
    return min(2.0 ** min(earlier, 10), LONGEST_WAIT)


def budget(plan: Plan) -> int:
    """How many restarts the job may have, the second number of DLC's RestartTimes."""
    if plan.monitoring and plan.monitoring.restarts:
        return plan.monitoring.restarts
    return RESTARTS * sum(r.restart_policy != "Never" for r in plan.replicas)


def monitoring(request: CreateJobRequest, scale: float) -> Monitoring | None:
    """What AIMaster does here; None when it is not asked for. ``scale`` shortens its patience."""
    asked = asked_for(request)
    if asked is None:
        return None
    return Monitoring(
        restarts=asked.restarts if asked.restart else 0,
        together=asked.together,
        silence=asked.silence / scale if asked.detect_silence else None,
    )


def asked_for(request: CreateJobRequest) -> Arguments | None:
    settings = request.Settings
    if settings is None or not settings.EnableErrorMonitoringInAIMaster:
        return None
    return arguments(settings.ErrorMonitoringArgs or "")


def monitoring_notes(request: CreateJobRequest) -> Iterator[str]:
    """What of the arguments has no effect here."""
    asked = asked_for(request)
    if asked is None:
        return
    if asked.others:
        others = ", ".join(asked.others)
        yield f"ErrorMonitoringArgs: without effect here: {others}."
    if not asked.restart:
        yield "AIMaster: without --enable-job-restart true it restarts nothing."


def restart_notes(replicas: tuple[ReplicaPlan, ...]) -> Iterator[str]:
    """A role that must end well and is restarted even then is probably not what was meant."""
    for role in dict.fromkeys(
        r.role_type for r in replicas if r.decides and r.restart_policy == "Always"
    ):
        yield (
            f"{role}: RestartPolicy Always restarts it also after exit code 0, {RESTARTS} times; "
            "the last end counts. OnFailure is what trainings want."
        )
