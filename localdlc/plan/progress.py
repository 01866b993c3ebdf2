"""How far the replicas of a job have come: what every decision looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localdlc.record.events import ReplicaExited, ReplicaLost

__all__ = ["Ended", "Progress", "end_order", "failed", "succeeded"]

Ended = ReplicaExited | ReplicaLost


@dataclass(frozen=True, slots=True)
class Progress:
    """Of each replica's present attempt, by PodId.

    A replica that is to begin anew has neither started nor ended. ``answered``: something has
    answered at its port. ``restarts`` counts those of the whole job. ``silent``: no replica has
    written anything for as long as the plan allows.
    """

    ended: Mapping[str, Ended] = field(default_factory=dict)
    started: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    restarts: int = 0
    silent: bool = False


def succeeded(end: Ended | None) -> bool:
    return isinstance(end, ReplicaExited) and end.exit_code == 0


def failed(end: Ended | None) -> bool:
    """A lost replica has failed: an exit code that nobody knows is not a success."""
    if isinstance(end, ReplicaExited):
        return end.exit_code != 0 and not end.stopped_by_us
    return end is not None


def end_order(end: Ended) -> tuple[bool, str, str]:
    """Earliest first; a lost replica has no time and comes last; the PodId settles ties."""
    if isinstance(end, ReplicaExited):
        return (False, end.finished_at.isoformat(), end.pod_id)
    return (True, "", end.pod_id)
