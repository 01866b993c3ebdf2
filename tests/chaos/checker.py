"""What must hold after a scenario: pure, from what was recorded and what replicas left of it.

Nothing here asks localdlc's own rules: a verdict is held against the exit codes once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from chaos.scenario import Job, Target
from localdlc.record.events import (
    Event,
    JobFinished,
    ReplicaExited,
    ReplicaLost,
    StatusChanged,
    StopRequested,
)

__all__ = ["Attempt", "Evidence", "Witness", "complaints"]

Attempt = tuple[str, int]
"""PodId and number, from 1."""
End = ReplicaExited | ReplicaLost
# Whose replicas may end as their programs had not meant to.
FATAL = frozenset({"container", "removal", "engine"})
# After which a job may be failed without an end of a replica that says so.
ORPHANING = frozenset({"supervisor", "disk"})
TERMINAL = ("Succeeded", "Failed", "Stopped")
RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Witness:
    """What a replica left: how many lines it has written for sure, and how it was about to end."""

    lines: int = 0
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one job that got as far as a folder.

    ``logs``: what is stored of each attempt, by stream. ``witnesses``: by PodId and name.
    ``struck``: what was hit of this job. ``outlived``: containers outlive their engine. ``deaf``:
    when the engine was not there.
    """

    job: Job
    events: Sequence[Event]
    logs: Mapping[Attempt, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    witnesses: Mapping[tuple[str, str], Witness] = field(default_factory=dict)
    struck: frozenset[Target] = frozenset()
    outlived: bool = True
    deaf: Sequence[tuple[datetime, datetime]] = ()

    @property
    def ends(self) -> dict[Attempt, End]:
        ends = (event for event in self.events if isinstance(event, ReplicaExited | ReplicaLost))
        return {(end.pod_id, end.attempt): end for end in ends}

    @property
    def fatal(self) -> bool:
        return bool(self.struck & FATAL - ({"engine"} if self.outlived else set()))


def complaints(evidence: Evidence) -> list[str]:
    """What does not hold, in words."""
    found = chain(verdict(evidence), codes(evidence), lines(evidence), unheard(evidence))
    return [f"{evidence.job.job_id}: {complaint}" for complaint in found]


def verdict(evidence: Evidence) -> Iterator[str]:
    """There is one, and the last ends of its replicas justify it."""
    finishes = [event for event in evidence.events if isinstance(event, JobFinished)]
    moves = [event.to for event in evidence.events if isinstance(event, StatusChanged)]
    if [finish.status for finish in finishes] != [move for move in moves if move in TERMINAL]:
        yield f"moves {moves} and verdicts {finishes} do not agree"
    if len(finishes) != 1:
        yield f"{len(finishes)} verdicts: {finishes}"
        return
    afterwards = evidence.events[list(evidence.events).index(finishes[0]) :]
    if any(isinstance(event, End) for event in afterwards):
        yield "a replica ended after the verdict"
    yield from justified(evidence, finishes[0])


def justified(evidence: Evidence, finish: JobFinished) -> Iterator[str]:
    last = dict(sorted(evidence.ends.items()))
    final = {pod: last[pod, n] for pod, n in last}
    master = final.get(f"{evidence.job.job_id}-master-0")
    ended_well = isinstance(master, ReplicaExited) and master.exit_code == 0
    failures = [end for end in final.values() if failed(end)]
    match finish.status:
        case "Succeeded" if not ended_well:
            yield f"Succeeded, and the master: {master}"
        case "Failed" if finish.reason_code == "JobFailed":
            yield from () if failures else ("Failed, and no replica has",)
            yield from (f"{end} has restarts left" for end in failures if owed(evidence, end))
        case "Failed" if not evidence.struck:
            yield f"Failed, and nothing was struck: {finish}"
        case "Failed" if finish.reason_code == "SupervisorLost" and not orphaned(evidence):
            yield f"its supervisor was not struck: {finish}"
        case "Stopped" if not any(isinstance(event, StopRequested) for event in evidence.events):
            yield "Stopped, and nobody asked for it"


def orphaned(evidence: Evidence) -> bool:
    return bool(evidence.struck & ORPHANING)


def failed(end: End) -> bool:
    return isinstance(end, ReplicaLost) or (end.exit_code != 0 and not end.stopped_by_us)


def owed(evidence: Evidence, end: End) -> bool:
    """The first that fails for good ends the job: only one that is alone can be held to it."""
    alone = len(evidence.job.codes) == 1
    return alone and evidence.job.restarts and end.attempt <= RESTARTS


def codes(evidence: Evidence) -> Iterator[str]:
    """Every recorded end is what the replica did, or what was done to it."""
    for attempt, end in evidence.ends.items():
        if isinstance(end, ReplicaLost):
            if not evidence.struck:
                yield f"lost without a strike: {end}"
            continue
        if end.stopped_by_us or (evidence.fatal and end.exit_code in (137, 143)):
            continue
        witness = evidence.witnesses.get((end.pod_id, name_of(evidence, attempt)), Witness())
        if end.exit_code != witness.code and "disk" not in evidence.struck:
            yield f"{attempt} ended with {end.exit_code}, and says {witness}"


def name_of(evidence: Evidence, attempt: Attempt) -> str:
    return next(iter(evidence.logs.get(attempt, {}).get("stdout", ())), "")


def lines(evidence: Evidence) -> Iterator[str]:
    """Whatever happened, lines are in order, none twice, none missing between two others."""
    for attempt, streams in evidence.logs.items():
        names = {stored[0] for stored in streams.values() if stored}
        if len(names) > 1:
            yield f"{attempt}: two attempts in one log"
        for stream, (name, *counted) in ((s, t) for s, t in streams.items() if t):
            if counted != [str(n) for n in range(len(counted))]:
                yield f"{attempt} {stream}: {' '.join(counted)}"
            yield from (
                f"{attempt} {stream}: {complaint}"
                for complaint in whole(evidence, attempt, name, len(counted))
            )


def whole(evidence: Evidence, attempt: Attempt, name: str, stored: int) -> Iterator[str]:
    """What a replica has written is there, unless its output went with its container or engine."""
    witness = evidence.witnesses.get((attempt[0], name))
    if witness is None:
        yield f"no replica has the name {name}"
    elif stored < written(evidence.job, witness) and not lossy(evidence, attempt):
        yield f"{stored} lines of {written(evidence.job, witness)}"


def written(job: Job, witness: Witness) -> int:
    return witness.lines if witness.code is None else job.lines


def lossy(evidence: Evidence, attempt: Attempt) -> bool:
    """Whether output may be gone with what held it.

    Found by experiment: what a container writes while its engine is not there is lost if it ends
    before the engine is back, also where containers outlive their engine.
    """
    end = evidence.ends.get(attempt)
    if end is None or isinstance(end, ReplicaLost) or evidence.struck & {"disk", "removal"}:
        return True
    return any(since <= end.finished_at <= until for since, until in evidence.deaf)


def unheard(evidence: Evidence) -> Iterator[str]:
    """Every replica that began has a log, unless its job was given up or its output went."""
    given_up = any(
        isinstance(event, JobFinished) and event.reason_code not in ("JobFailed", "JobSucceeded")
        for event in evidence.events
    )
    if given_up or evidence.struck & {"disk", "removal", "engine"}:
        return
    heard = {(pod, name_of(evidence, (pod, n))) for pod, n in evidence.logs}
    for pod, name in evidence.witnesses.keys() - heard:
        yield f"nothing is stored of {pod} {name}"
