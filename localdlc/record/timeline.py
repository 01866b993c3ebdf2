"""Where the time of a job went: its events become phases, and phases a trace. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from localdlc.record.events import (
    FaultInjected,
    ImageReady,
    InputStaged,
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)
from localdlc.record.names import short
from localdlc.record.view import TERMINAL, JobView

__all__ = ["Phase", "phases", "trace"]

INPUTS = {"libs": "libraries"}


@dataclass(frozen=True, slots=True)
class Phase:
    """Something that took time. ``subject`` is a PodId, a Uri or an image; "" is the whole job."""

    name: str
    subject: str
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def phases(records: Sequence[Record], view: JobView, now: datetime) -> list[Phase]:
    """In the order in which they began; what still goes on lasts until ``now``.

    ``queue``, ``pull``, ``data``, ``code``, ``libraries``; of each attempt of a replica ``create``,
    ``start`` and ``run``; ``rendezvous``, from the first replica that ran until all of them did;
    ``stop``, from what decided the job to its verdict.
    """
    found = [
        *queued(view, now),
        *brought(records),
        *rendezvous(records),
        *lives(records, view.finished or now),
        *stopping(records, view),
    ]
    whole = (replace(p, end=max(p.start, p.end)) for p in found)  # a clock may have been set back
    return sorted(whole, key=lambda phase: phase.start)


def queued(view: JobView, now: datetime) -> Iterator[Phase]:
    for span in view.history:
        if span.status == "Queuing":
            yield Phase("queue", "", span.start, span.end or now)


def brought(records: Iterable[Record]) -> Iterator[Phase]:
    for record in records:
        match record.event:
            case ImageReady(image=image, seconds=seconds, pulled=True):
                yield until(record, "pull", image, seconds)
            case InputStaged(kind=kind, uri=uri, seconds=seconds):
                yield until(record, INPUTS.get(kind, kind), uri, seconds)


def until(record: Record, name: str, subject: str, seconds: float) -> Phase:
    return Phase(name, subject, record.time - timedelta(seconds=seconds), record.time)


def rendezvous(records: Iterable[Record]) -> Iterator[Phase]:
    """Of the first attempts: who begins anew meets nobody who waits."""
    began = [
        record.time
        for record in records
        if isinstance(record.event, ReplicaStarted) and record.event.attempt == 1
    ]
    if len(began) > 1:
        yield Phase("rendezvous", "", began[0], began[-1])


def lives(records: Iterable[Record], end: datetime) -> Iterator[Phase]:
    """Every attempt of every replica: how it was made and how long it ran."""
    running: dict[str, datetime] = {}
    for record in records:
        match record.event:
            case ReplicaStarted() as started:
                running[started.pod_id] = record.time
                yield from made(record, started)
            case ReplicaExited(pod_id=pod, finished_at=finished) if pod in running:
                began = running.pop(pod)
                yield Phase("run", pod, began, max(began, finished))
            case ReplicaLost(pod_id=pod) if pod in running:
                yield Phase("run", pod, running.pop(pod), record.time)
    for pod, began in running.items():
        yield Phase("run", pod, began, max(began, end))


def made(record: Record, started: ReplicaStarted) -> Iterator[Phase]:
    """Between the two a replica may wait for others: only its start is next to its run."""
    if started.start_seconds:
        yield until(record, "start", started.pod_id, started.start_seconds)
    if started.create_seconds:
        created = record.time - timedelta(seconds=started.start_seconds)
        begun = created - timedelta(seconds=started.create_seconds)
        yield Phase("create", started.pod_id, begun, created)


def stopping(records: Iterable[Record], view: JobView) -> Iterator[Phase]:
    """What decided is a wish to stop, or the end of the replica that the verdict names."""
    ends = (s.start for s in view.history if s.status.removesuffix("Reserving") in TERMINAL)
    verdict = next(ends, None)
    if verdict is None:
        return
    decided = view.deciding_replica
    for record in records:
        match record.event:
            case StopRequested() | StatusChanged(to="Stopping"):
                yield Phase("stop", "", record.time, verdict)
                return
            case ReplicaExited(pod_id=pod, attempt=attempt, finished_at=finished) if (
                pod == decided and attempt == view.replicas[pod].attempt
            ):
                yield Phase("stop", "", min(finished, verdict), verdict)
                return


def trace(
    records: Sequence[Record], view: JobView, found: Iterable[Phase], now: datetime
) -> dict[str, Any]:
    """A trace in the JSON format that Perfetto and chrome://tracing open.

    A row for the job's statuses, one for each input, image and replica; a second one where things
    overlap, for no viewer shows bars of one row that do.
    """
    rows = Rows()

    def bar(name: str, subject: str, start: datetime, end: datetime) -> dict[str, Any]:
        end = max(start, end)  # a clock may have been set back
        length = {"dur": micros(end) - micros(start)}
        tid = rows.free(subject, start, end)
        return {"ph": "X", "name": name, "ts": micros(start), **length, "pid": 1, "tid": tid}

    def named_row(subject: str) -> str:
        return short(subject, view.job_id) or "job"

    events = [
        bar(span.status, "status", span.start, span.end or view.finished or now)
        for span in view.history
    ]
    events += [bar(phase.name, named_row(phase.subject), phase.start, phase.end) for phase in found]
    events += [
        {"ph": "i", "s": "t", "name": f"fault {fault.fault}", "ts": micros(record.time), "pid": 1}
        | {"tid": rows.free(named_row(fault.pod_id))}
        for record in records
        if isinstance(fault := record.event, FaultInjected)
    ]
    names = [named("process_name", view.job_id, pid=1)]
    names += [named("thread_name", name, pid=1, tid=tid) for tid, name in rows.named()]
    return {"traceEvents": [*names, *events], "displayTimeUnit": "ms"}


class Rows:
    """The rows of a trace, by name; each is taken until a moment."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, datetime | None]] = []

    def free(self, name: str, start: datetime | None = None, end: datetime | None = None) -> int:
        """The number of the first of this name that is free from ``start`` on; it is taken now."""
        for n, (known, taken) in enumerate(self._rows):
            if known == name and (start is None or taken is None or taken <= start):
                self._rows[n] = (name, end or taken)
                return n + 1
        self._rows.append((name, end))
        return len(self._rows)

    def named(self) -> Iterator[tuple[int, str]]:
        return enumerate((name for name, _ in self._rows), 1)


def named(kind: str, name: str, **row: int) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "args": {"name": name}, **row}


def micros(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)
