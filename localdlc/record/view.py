"""`fold`: a job's events become what there is to know about it now. Pure; nothing else sets a status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from localdlc.record.events import (
    InputStaged,
    JobCreated,
    JobFinished,
    Log,
    Note,
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)

__all__ = ["MOVES", "TERMINAL", "JobView", "ReplicaView", "StatusSpan", "after", "fold"]

TERMINAL = frozenset({"Succeeded", "Failed", "Stopped"})

# DLC's legal moves (dlc-api C.2); the statuses that only the cloud has are left out.
MOVES: dict[str, frozenset[str]] = {
    "": frozenset({"Creating", "Failed"}),  # Failed: killed before it had a status
    "Creating": frozenset({"Queuing", "EnvPreparing", "Stopping", "Failed", "Stopped"}),
    "Queuing": frozenset({"EnvPreparing", "Stopping", "Failed", "Stopped"}),
    "EnvPreparing": frozenset({"Running", "Stopping", "Failed", "Stopped"}),
    "Running": frozenset({"Restarting", "Stopping", "Succeeded", "Failed", "Stopped"}),
    "Restarting": frozenset({"Running", "Stopping", "Failed", "Stopped"}),
    "Stopping": frozenset({"Stopped", "Failed"}),
}


@dataclass(frozen=True, slots=True)
class StatusSpan:
    """One stay in a status; ``end`` is None for the present one."""

    status: str
    start: datetime
    reason_code: str
    reason_message: str
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """One replica now. ``status`` is DLC's pod status: Pending, Running, Succeeded, Failed, Unknown."""

    pod_id: str
    status: str = "Pending"
    pod_uid: str = ""
    attempt: int = 1
    ip: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    signal: str | None = None
    oom: bool = False
    stopped_by_us: bool = False
    lost: str = ""
    lines: int = 0


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything known about a job."""

    job_id: str = ""
    display_name: str = ""
    job_type: str = ""
    status: str = ""
    reason_code: str = ""
    reason_message: str = ""
    deciding_replica: str | None = None
    stop_requested_by: str | None = None
    created: datetime | None = None
    finished: datetime | None = None
    history: tuple[StatusSpan, ...] = ()
    replicas: dict[str, ReplicaView] = field(default_factory=dict)
    inputs: tuple[InputStaged, ...] = ()
    notes: tuple[str, ...] = ()
    records: int = 0

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def running_since(self) -> datetime | None:
        return next((span.start for span in self.history if span.status == "Running"), None)


def fold(records: Iterable[Record]) -> JobView:
    """The view after all of them."""
    view = JobView()
    for record in records:
        view = after(view, record)
    return view


def after(view: JobView, record: Record) -> JobView:
    """The view after one more record. Unknown kinds change nothing but the count."""
    change = CHANGES.get(type(record.event))
    changed = change(view, record) if change else view
    return replace(changed, records=view.records + 1, job_id=record.job_id)


def created(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, JobCreated)
    return replace(
        view,
        display_name=event.display_name,
        job_type=event.job_type,
        created=record.time,
    )


def moved(view: JobView, record: Record) -> JobView:
    """A status change. One that DLC does not know is a bug of ours and is not hidden."""
    event = record.event
    assert isinstance(event, StatusChanged)
    if event.to not in MOVES.get(view.status, frozenset()):
        raise ValueError(f"a job cannot go from {view.status or 'nothing'} to {event.to}")
    closed = (*view.history[:-1], *(replace(s, end=record.time) for s in view.history[-1:]))
    span = StatusSpan(event.to, record.time, event.reason_code, event.reason_message)
    return replace(
        view,
        status=event.to,
        reason_code=event.reason_code,
        reason_message=event.reason_message,
        history=(*closed, span),
    )


def staged(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, InputStaged)
    return replace(view, inputs=(*view.inputs, event))


def started(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, ReplicaStarted)
    now = ReplicaView(
        pod_id=event.pod_id,
        status="Running",
        pod_uid=event.pod_uid,
        attempt=event.attempt,
        ip=event.ip,
        started=record.time,
    )
    return with_replica(view, now)


def logged(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, Log)
    known = view.replicas.get(event.pod_id, ReplicaView(event.pod_id))
    return with_replica(view, replace(known, lines=known.lines + event.count))


def exited(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, ReplicaExited)
    known = view.replicas.get(event.pod_id, ReplicaView(event.pod_id))
    now = replace(
        known,
        status="Failed" if event.exit_code else "Succeeded",
        finished=event.finished_at,
        exit_code=event.exit_code,
        signal=event.signal,
        oom=event.oom,
        stopped_by_us=event.stopped_by_us,
    )
    return with_replica(view, now)


def lost(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, ReplicaLost)
    known = view.replicas.get(event.pod_id, ReplicaView(event.pod_id))
    now = replace(known, status="Unknown", finished=record.time, lost=event.reason)
    return with_replica(view, now)


def stop_requested(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, StopRequested)
    return replace(view, stop_requested_by=view.stop_requested_by or event.by)


def noted(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, Note)
    return replace(view, notes=(*view.notes, event.text))


def finished(view: JobView, record: Record) -> JobView:
    event = record.event
    assert isinstance(event, JobFinished)
    return replace(view, deciding_replica=event.deciding_replica, finished=record.time)


def with_replica(view: JobView, now: ReplicaView) -> JobView:
    return replace(view, replicas={**view.replicas, now.pod_id: now})


CHANGES = {
    JobCreated: created,
    StatusChanged: moved,
    InputStaged: staged,
    ReplicaStarted: started,
    Log: logged,
    ReplicaExited: exited,
    ReplicaLost: lost,
    StopRequested: stop_requested,
    Note: noted,
    JobFinished: finished,
}
