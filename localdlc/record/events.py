"""What happened, as typed events: one frozen dataclass each, and their JSON codec.

A `Record` is an event with its place in the job: number, time, job. One record is one line of
``run -o json``; only a `Log` of several lines becomes several, each with a number of its own.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from localdlc.record.times import moment, stamp

__all__ = [
    "EVENT_TYPES",
    "ContainersKept",
    "Event",
    "FaultInjected",
    "FidelityReport",
    "ImageReady",
    "InputStaged",
    "JobCreated",
    "JobFinished",
    "JobQueued",
    "Log",
    "Note",
    "Progress",
    "Record",
    "ReplicaExited",
    "ReplicaLost",
    "ReplicaRestarted",
    "ReplicaStarted",
    "ReplicaUsed",
    "StatusChanged",
    "StopRequested",
    "decoded",
    "lines",
]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that happened in a job."""

    type: ClassVar[str] = "Event"

    def __init_subclass__(cls) -> None:
        cls.type = cls.__name__


@dataclass(frozen=True, slots=True)
class JobCreated(Event):
    """The request was accepted."""

    display_name: str
    job_type: str
    replicas: int


@dataclass(frozen=True, slots=True)
class FidelityReport(Event):
    """What this machine makes of the members that the request gives, by their dotted paths.

    Those that are not honoured come with why, after a colon.
    """

    honoured: tuple[str, ...] = ()
    approximated: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def words(self) -> Iterator[tuple[str, str]]:
        """A treatment and what is treated so: the honoured together, the others one by one."""
        if self.honoured:
            yield "honoured", ", ".join(self.honoured)
        yield from (("approximated", text) for text in self.approximated)
        yield from (("ignored", text) for text in self.ignored)


@dataclass(frozen=True, slots=True)
class JobQueued(Event):
    """The job waits for room on this machine, and for what."""

    reason: str


@dataclass(frozen=True, slots=True)
class StatusChanged(Event):
    """A move from one of DLC's job statuses to another, with DLC's reason."""

    from_: str
    to: str
    reason_code: str = ""
    reason_message: str = ""


@dataclass(frozen=True, slots=True)
class InputStaged(Event):
    """An input is where the replicas will see it. ``bytes`` and ``files``: None is not counted.

    ``sample`` says how much of it was wanted, such as ``1%``; "" is all. ``part``: there is more.
    """

    kind: str
    uri: str
    bytes: int | None
    files: int | None
    seconds: float
    cached: bool
    detail: str = ""
    sample: str = ""
    part: bool = False


@dataclass(frozen=True, slots=True)
class ImageReady(Event):
    """An image is on the engine; ``seconds`` is what pulling it took, 0 when it was there."""

    image: str
    image_id: str
    seconds: float
    pulled: bool


@dataclass(frozen=True, slots=True)
class ReplicaStarted(Event):
    """A container runs; how long the engine took to create it and to start it."""

    pod_id: str
    pod_uid: str
    attempt: int
    container_id: str
    ip: str
    create_seconds: float = 0.0
    start_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Log(Event):
    """Output of a replica: whole lines as raw bytes, each ending in a newline.

    ``partial``: this piece does not end its line (a progress bar at work, a line too long to hold,
    a last line without a newline); what follows on the same stream continues it.
    """

    pod_id: str
    attempt: int
    stream: Literal["stdout", "stderr"]
    data: bytes
    partial: bool = False

    @property
    def count(self) -> int:
        """How many lines: a partial piece counts as one."""
        return self.data.count(b"\n") + self.partial

    def texts(self) -> list[str]:
        """Each line as text. A byte that is not UTF-8 stays visible as ``\\xNN``."""
        return self.data.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


@dataclass(frozen=True, slots=True)
class ReplicaExited(Event):
    """A replica ended. ``signal`` names the signal behind a code above 128, if there is one."""

    pod_id: str
    attempt: int
    exit_code: int
    oom: bool
    signal: str | None
    stopped_by_us: bool
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class ReplicaLost(Event):
    """A replica's end could not be learnt: its container vanished, or the engine did."""

    pod_id: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReplicaRestarted(Event):
    """A new attempt of the same replica begins.

    ``restart`` counts those of the job; one under AIMaster is of all replicas.
    """

    pod_id: str
    attempt: int
    reason: str
    restart: int = 0


@dataclass(frozen=True, slots=True)
class FaultInjected(Event):
    """A rehearsed fault befalls a replica: ``fault`` as it was asked for, ``what`` in words."""

    pod_id: str
    attempt: int
    fault: str
    what: str


@dataclass(frozen=True, slots=True)
class ReplicaUsed(Event):
    """What one attempt of a replica used, as far as it was sampled; before the verdict.

    Cores, bytes and seconds; GPUs in percent of the time. None: no limit, not asked, not known.
    """

    pod_id: str
    attempt: int
    seconds: float
    cpus_mean: float
    cpus_peak: float
    cpus_limit: float | None
    cpus_asked: float | None
    memory_mean: int
    memory_peak: int
    memory_limit: int | None
    memory_asked: int | None
    network_in: int
    network_out: int
    disk_read: int | None
    disk_written: int | None
    oom_kills: int | None = None
    gpu_mean: float | None = None
    gpu_memory_peak: int | None = None
    gpu_memory: int | None = None


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """Somebody wants the job to end: a signal, a deadline, another process."""

    by: str


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Something the user should know; it changes nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Something long goes on. It is shown and not stored."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class ContainersKept(Event):
    """Containers stay after the end because the user asked for it; ``gc`` leaves them alone."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobFinished(Event):
    """The verdict. ``deciding_replica`` is the PodId whose end decided it, if one did."""

    status: str
    reason_code: str
    reason_message: str
    deciding_replica: str | None
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """An event and its place in the job's story. ``time`` is UTC."""

    seq: int
    time: datetime
    job_id: str
    event: Event

    def to_json(self) -> Iterator[dict[str, Any]]:
        """The contract's object, or one for each line of a `Log`."""
        head = {"v": VERSION, "time": stamp(self.time), "seq": self.seq, "job_id": self.job_id}
        if isinstance(self.event, Log):
            yield from self._lines(head, self.event)
        else:
            yield {**head, "type": self.event.type, **body(self.event)}

    def _lines(self, head: dict[str, Any], log: Log) -> Iterator[dict[str, Any]]:
        common = {"type": "Log", "pod_id": log.pod_id, "attempt": log.attempt, "stream": log.stream}
        texts = log.texts()
        for n, text in enumerate(texts):
            last = {"partial": True} if log.partial and n == len(texts) - 1 else {}
            yield {**head, "seq": self.seq + n, **common, "text": text, **last}


EVENT_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in Event.__subclasses__()}


def body(event: Event) -> dict[str, Any]:
    """An event's own members as JSON values."""
    members = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    return {
        name.rstrip("_"): stamp(value) if isinstance(value, datetime) else value
        for name, value in members.items()
    }


def lines(record: Record) -> Iterator[str]:
    """The record as JSON lines, without newlines."""
    for line in record.to_json():
        yield json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def decoded(seq: int, time: str, job_id: str, kind: str, members: dict[str, Any]) -> Record:
    """The inverse of `body`; members that a newer version added are left aside."""
    cls = EVENT_TYPES[kind]
    values = {}
    for f in dataclasses.fields(cls):
        name = f.name.rstrip("_")
        if name in members:
            values[f.name] = member(f.name, members[name])
    return Record(seq, moment(time), job_id, cls(**values))


def member(name: str, value: Any) -> Any:
    """One member as the event holds it: JSON knows neither times nor tuples."""
    if name.endswith("_at"):
        return moment(value)
    return tuple(value) if isinstance(value, list) else value
