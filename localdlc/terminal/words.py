"""Events and ends of replicas in a few words."""

from __future__ import annotations

from localdlc.record.events import (
    ContainersKept,
    ImageReady,
    InputStaged,
    Note,
    Record,
    StatusChanged,
    StopRequested,
)
from localdlc.record.view import ReplicaView

__all__ = ["event_text", "how_it_ended", "short"]


def event_text(record: Record) -> str | None:
    """One line for an event that a person wants to see, None for the others."""
    match record.event:
        case StatusChanged(to=to) if to == "Creating":
            return f"{record.job_id}: {to}"
        case StatusChanged(to=to) if to in {"EnvPreparing", "Running", "Stopping", "Queuing"}:
            return f"{record.job_id}: {to}"
        case InputStaged() as staged:
            return f"  {staged.kind} {staged.uri}: {staged.detail} ({staged.seconds:.1f} s)"
        case ImageReady(pulled=True) as image:
            return f"  image {image.image}: pulled ({image.seconds:.1f} s)"
        case StopRequested(by=by):
            return f"  stopping ({by}); once more to kill at once"
        case Note(text=text):
            return f"  note: {text}"
        case ContainersKept(names=names):
            return f"  kept: {', '.join(names)}; `localdlc gc --kept` removes them"
    return None


def how_it_ended(replica: ReplicaView) -> str:
    """``ended with exit code 137 (SIGKILL): the kernel killed it, out of memory``"""
    if replica.lost:
        return f"was lost: {replica.lost}"
    if replica.exit_code is None:
        return "had not ended"
    signal = f" ({replica.signal})" if replica.signal else ""
    why = ": the kernel killed it, out of memory" if replica.oom else ""
    ours = ": stopped by localdlc" if replica.stopped_by_us else ""
    return f"ended with exit code {replica.exit_code}{signal}{why or ours}"


def short(pod_id: str, job_id: str) -> str:
    return pod_id.removeprefix(f"{job_id}-")
