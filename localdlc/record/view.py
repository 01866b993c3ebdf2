"""`fold`: a job's events become what there is to know about it now.

Pure; nothing else ever sets a status.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import singledispatch

from localdlc.record.events import (
    Event,
    FaultInjected,
    FidelityReport,
    InputStaged,
    JobCreated,
    JobFinished,
    JobQueued,
    Note,
    Record,
    ReplicaExited,
    ReplicaLost,
    ReplicaRestarted,
    ReplicaStarted,
    ReplicaUsed,
    StatusChanged,
    StopRequested,
)

__all__ = ["MOVES", "TERMINAL", "JobView", "ReplicaView", "StatusSpan", "after", "fold"]

TERMINAL = frozenset({"Succeeded", "Failed", "Stopped"})

UNDONE = ("Stopping", "Failed", "FailedReserving", "Stopped")
ENDS = ("Succeeded", "SucceededReserving", "Failed", "FailedReserving")

# DLC's legal moves (dlc-api C.2); the statuses that only the cloud has are left out.
MOVES: dict[str, frozenset[str]] = {
    "": frozenset({"Creating", "Failed"}),  # Failed: killed before it had a status
    "Creating": frozenset({"Queuing", "EnvPreparing", "Stopping", "Failed", "Stopped"}),
    "Queuing": frozenset({"EnvPreparing", "Stopping", "Failed", "Stopped"}),
    "EnvPreparing": frozenset({"SanityChecking", "Running", *UNDONE}),
    "SanityChecking": frozenset({"Running", *UNDONE}),
    "Running": frozenset({"Restarting", "Stopping", "Stopped", *ENDS}),
    # The deciders may end well while another replica begins anew.
    "Restarting": frozenset({"Running", "Stopping", "Stopped", *ENDS}),
    "SucceededReserving": frozenset({"Succeeded"}),
    "FailedReserving": frozenset({"Failed"}),
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
    """One replica now. ``status`` is a pod's: Pending, Running, Succeeded, Failed, Unknown.

    ``earlier`` are the attempts before this one, oldest first: DLC's HistoryPods. ``used`` is known
    of those that were sampled, from the verdict on.
    """

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
    used: ReplicaUsed | None = None
    earlier: tuple[ReplicaView, ...] = ()


@dataclass(frozen=True, slots=True)
class JobView:
    """Everything known about a job. ``duration``, in seconds, is known of one that has ended: a
    clock that is set meanwhile does not change it.
    """

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
    duration: float | None = None
    history: tuple[StatusSpan, ...] = ()
    replicas: dict[str, ReplicaView] = field(default_factory=dict)
    inputs: tuple[InputStaged, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[tuple[datetime, FaultInjected], ...] = ()
    fidelity: FidelityReport = field(default_factory=FidelityReport)
    restarts: int = 0
    restarted: tuple[tuple[datetime, ReplicaRestarted], ...] = ()

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    def age(self, now: datetime) -> float:
        """Seconds since it was created."""
        return elapsed(self.created, now)

    def running(self, now: datetime) -> float:
        """Seconds since it is Running, or was for the first time."""
        began = (span.start for span in self.history if span.status == "Running")
        return elapsed(next(began, None), now)

    @property
    def verdict_in_reserve(self) -> tuple[str, str, str] | None:
        """Status, reason code and message that a job will have whose replicas are only held."""
        status = self.status.removesuffix("Reserving")
        known = (status, self.reason_code, self.reason_message)
        return known if status != self.status else None


def elapsed(since: datetime | None, now: datetime) -> float:
    """Never less than none: clocks are set back, too."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def fold(records: Iterable[Record]) -> JobView:
    """The view after all of them."""
    view = JobView()
    for record in records:
        view = after(view, record)
    return view


def in_order(view: JobView, pods: Iterable[str]) -> JobView:
    """The view with its replicas in the order of these PodIds, which are those of a plan."""
    known = {pod: view.replicas[pod] for pod in pods if pod in view.replicas}
    return replace(view, replicas=known)


def after(view: JobView, record: Record) -> JobView:
    """The view after one more record. A kind that is not registered changes nothing."""
    return replace(change(record.event, view, record.time), job_id=record.job_id)


@singledispatch
def change(event: Event, view: JobView, time: datetime) -> JobView:
    """What one kind of event means for the view; the kinds are registered below."""
    return view


@change.register
def _(event: JobCreated, view: JobView, time: datetime) -> JobView:
    return replace(view, display_name=event.display_name, job_type=event.job_type, created=time)


@change.register
def _(event: FidelityReport, view: JobView, time: datetime) -> JobView:
    return replace(view, fidelity=event)


@change.register
def _(event: StatusChanged, view: JobView, time: datetime) -> JobView:
    """A move that DLC does not know is a bug of ours and is not hidden."""
    if event.to not in MOVES.get(view.status, frozenset()):
        raise ValueError(f"a job cannot go from {view.status or 'nothing'} to {event.to}")
    closed = (*view.history[:-1], *(replace(span, end=time) for span in view.history[-1:]))
    span = StatusSpan(event.to, time, event.reason_code, event.reason_message)
    return replace(
        view,
        status=event.to,
        reason_code=event.reason_code,
        reason_message=event.reason_message,
        history=(*closed, span),
    )


@change.register
def _(event: JobQueued, view: JobView, time: datetime) -> JobView:
    """What a job waits for is why it is Queuing."""
    if view.status != "Queuing":
        return view
    *before, span = view.history
    waiting = replace(span, reason_message=event.reason)
    return replace(view, reason_message=event.reason, history=(*before, waiting))


@change.register
def _(event: InputStaged, view: JobView, time: datetime) -> JobView:
    return replace(view, inputs=(*view.inputs, event))


@change.register
def _(event: ReplicaStarted, view: JobView, time: datetime) -> JobView:
    now = replace(
        attempt_of(view, event.pod_id, event.attempt),
        status="Running",
        pod_uid=event.pod_uid,
        ip=event.ip,
        started=time,
    )
    return with_replica(view, now)


@change.register
def _(event: ReplicaRestarted, view: JobView, time: datetime) -> JobView:
    now = attempt_of(view, event.pod_id, event.attempt)
    restarted = (*view.restarted, (time, event))
    counted = replace(view, restarts=max(view.restarts, event.restart), restarted=restarted)
    return with_replica(counted, now)


@change.register
def _(event: ReplicaExited, view: JobView, time: datetime) -> JobView:
    now = replace(
        replica_of(view, event.pod_id),
        status="Failed" if event.exit_code else "Succeeded",
        finished=event.finished_at,
        exit_code=event.exit_code,
        signal=event.signal,
        oom=event.oom,
        stopped_by_us=event.stopped_by_us,
    )
    return with_replica(view, now)


@change.register
def _(event: ReplicaLost, view: JobView, time: datetime) -> JobView:
    known = replica_of(view, event.pod_id)
    return with_replica(view, replace(known, status="Unknown", finished=time, lost=event.reason))


@change.register
def _(event: ReplicaUsed, view: JobView, time: datetime) -> JobView:
    last = replica_of(view, event.pod_id)
    if last.attempt == event.attempt:
        return with_replica(view, replace(last, used=event))
    earlier = (replace(r, used=event) if r.attempt == event.attempt else r for r in last.earlier)
    return with_replica(view, replace(last, earlier=tuple(earlier)))


@change.register
def _(event: FaultInjected, view: JobView, time: datetime) -> JobView:
    return replace(view, faults=(*view.faults, (time, event)))


@change.register
def _(event: StopRequested, view: JobView, time: datetime) -> JobView:
    return replace(view, stop_requested_by=view.stop_requested_by or event.by)


@change.register
def _(event: Note, view: JobView, time: datetime) -> JobView:
    return replace(view, notes=(*view.notes, event.text))


@change.register
def _(event: JobFinished, view: JobView, time: datetime) -> JobView:
    return replace(
        view,
        deciding_replica=event.deciding_replica,
        finished=time,
        duration=event.duration_seconds,
    )


def replica_of(view: JobView, pod_id: str) -> ReplicaView:
    return view.replicas.get(pod_id) or ReplicaView(pod_id)


def attempt_of(view: JobView, pod_id: str, attempt: int) -> ReplicaView:
    """This attempt of a replica; a new one has the last among its ``earlier`` ones."""
    last = replica_of(view, pod_id)
    if attempt == last.attempt:
        return last
    return ReplicaView(pod_id, attempt=attempt, earlier=(*last.earlier, replace(last, earlier=())))


def with_replica(view: JobView, now: ReplicaView) -> JobView:
    return replace(view, replicas={**view.replicas, now.pod_id: now})
