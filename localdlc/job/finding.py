"""What there is of a job whose supervisor is gone: its records and its containers, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, decide
from localdlc.plan.progress import Ended, Progress
from localdlc.record.events import (
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaRestarted,
    ReplicaStarted,
    StopRequested,
)
from localdlc.record.view import JobView
from localdlc.run.engine import Leftover, Stream
from localdlc.run.found import Found, FoundContainer

__all__ = ["find", "unfit"]

Lines = Callable[[str, int], Mapping[Stream, int]]
"""How many lines of an attempt (PodId, number) are stored."""
Attempt = tuple[str, int]


def unfit(view: JobView, plan: Plan, leftovers: Iterable[Leftover]) -> str:
    """Why nobody can carry on with a job; "" for one with which somebody can."""
    if view.verdict_in_reserve:
        return "its replicas were only held"
    known = {pod for pod, _ in containers_of(leftovers)} | set(view.replicas)
    missing = [replica.pod_id for replica in plan.replicas if replica.pod_id not in known]
    return f"{missing[0]} had not been created" if missing else ""


def find(
    plan: Plan,
    view: JobView,
    records: Sequence[Record],
    leftovers: Iterable[Leftover],
    lines: Lines,
    now: datetime,
) -> Found:
    """``lines`` is asked for what has started and not ended."""
    starts: dict[Attempt, ReplicaStarted] = {}
    ends: dict[Attempt, Ended] = {}
    known = {(replica.pod_id, 1) for replica in plan.replicas}
    for event in (record.event for record in records):
        match event:
            case ReplicaStarted():
                starts[event.pod_id, event.attempt] = event
            case ReplicaExited() | ReplicaLost():
                ends[event.pod_id, event.attempt] = event
            case ReplicaRestarted():
                known.add((event.pod_id, event.attempt))
    containers = containers_of(leftovers)

    def found(attempt: Attempt) -> FoundContainer:
        there = containers.get(attempt)
        start, end = starts.get(attempt), ends.get(attempt)
        stored = lines(*attempt) if end is None else {}
        place = (there.id, there.state) if there else ("", "")
        return FoundContainer(*attempt, *place, start, end, stored)

    return Found(
        status=view.status,
        age=view.age(now),
        running=view.running(now),
        restarts=view.restarts,
        containers=tuple(map(found, sorted(known))),
        stopped=view.stop_requested_by is not None,
        told_at=told_at(plan, view, records, known, starts, ends),
    )


def containers_of(leftovers: Iterable[Leftover]) -> dict[Attempt, Leftover]:
    """Those of replicas, by PodId and attempt."""
    return {
        (thing.labels["localdlc.pod"], int(thing.labels["localdlc.attempt"])): thing
        for thing in leftovers
        if thing.kind == "container" and "localdlc.pod" in thing.labels
    }


def told_at(
    plan: Plan,
    view: JobView,
    records: Sequence[Record],
    known: Iterable[Attempt],
    starts: Mapping[Attempt, ReplicaStarted],
    ends: Mapping[Attempt, Ended],
) -> datetime | None:
    """When it was decided, if it was: from then on what ends has been told to."""
    latest = dict(sorted(known))
    present = set(latest.items())
    progress = Progress(
        ended={pod: end for (pod, n), end in ends.items() if (pod, n) in present},
        started=frozenset(pod for pod, n in starts if (pod, n) in present),
        restarts=view.restarts,
    )
    if view.stop_requested_by is None and not isinstance(decide(plan, progress), Finish):
        return None
    deciding = (StopRequested, ReplicaExited, ReplicaLost)
    return next(r.time for r in reversed(records) if isinstance(r.event, deciding))
