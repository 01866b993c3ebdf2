"""Events and ends of replicas in a few words."""

from __future__ import annotations

from localdlc.record.events import (
    ContainersKept,
    FaultInjected,
    ImageReady,
    InputStaged,
    JobQueued,
    Note,
    Record,
    ReplicaRestarted,
    StatusChanged,
    StopRequested,
)
from localdlc.record.names import short
from localdlc.record.view import TERMINAL, ReplicaView

__all__ = ["befallen", "event_text", "how_it_ended", "lasting"]

# Statuses that come with what brought them.
AFTER_AN_END = frozenset({"Restarting", "SucceededReserving", "FailedReserving"})


SAID = {"Note": "note", "JobQueued": "waits"}


def event_text(record: Record) -> str | None:
    """One line for an event that a person wants to see, None for the others."""
    match record.event:
        case StatusChanged(to=to, reason_message=why):
            return status_text(record.job_id, to, why)
        case ReplicaRestarted() | FaultInjected() as event:
            return replica_text(event, record.job_id)
        case InputStaged() as staged:
            return f"  {staged.kind} {staged.uri}: {staged.detail} ({staged.seconds:.1f} s)"
        case ImageReady(pulled=True) as image:
            return f"  image {image.image}: pulled ({image.seconds:.1f} s)"
        case StopRequested(by=by):
            return f"  stopping ({by}); once more to kill at once"
        case Note(text=text) | JobQueued(reason=text):
            return f"  {SAID[record.event.type]}: {text}"
        case ContainersKept(names=names):
            enter = f"`localdlc exec {record.job_id} POD` enters one"
            return f"  kept: {', '.join(names)}; {enter}, `localdlc gc --kept` removes them"
    return None


def status_text(job_id: str, status: str, reason: str) -> str | None:
    """Those that are over soon need no reason; the last comes with the verdict."""
    if status in TERMINAL:
        return None
    return f"{job_id}: {status}: {reason}" if status in AFTER_AN_END else f"{job_id}: {status}"


def replica_text(event: ReplicaRestarted | FaultInjected, job_id: str) -> str:
    if isinstance(event, FaultInjected):
        return f"  fault {event.fault}: {befallen(event, job_id)}"
    name = short(event.pod_id, job_id)
    return f"  {name} begins anew, attempt {event.attempt}: {event.reason}"


def befallen(fault: FaultInjected, job_id: str) -> str:
    """``worker-1 is killed (SIGKILL)``"""
    return f"{short(fault.pod_id, job_id)} {fault.what}"


def how_it_ended(replica: ReplicaView) -> str:
    """``ended with exit code 137 (SIGKILL): the kernel killed it, out of memory``"""
    if replica.lost:
        return f"was lost: {replica.lost}"
    if replica.exit_code is None:
        return "had not ended"
    signal = f" ({replica.signal})" if replica.signal else ""
    why = for_memory(replica) or ("stopped by localdlc" if replica.stopped_by_us else "")
    return f"ended with exit code {replica.exit_code}{signal}{': ' if why else ''}{why}"


def for_memory(replica: ReplicaView) -> str:
    if not (replica.oom or replica.used):
        return ""
    from localdlc.record.memory_end import memory_clause

    return memory_clause(replica)


def lasting(seconds: float) -> str:
    """``0.4s``, ``42s``, ``3m05s``, ``2h10m``, ``5d03h``"""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
