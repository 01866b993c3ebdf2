"""What a supervisor that was killed left behind: found by labels, removed, and its job judged.

Only what carries this home's label is looked at, and only when the job's lock can be taken: a
running job of another process holds its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

from localdlc.errors import LocaldlcError
from localdlc.record.events import (
    ContainersKept,
    JobFinished,
    Record,
    ReplicaLost,
    StatusChanged,
)
from localdlc.record.store import JobLog, Store, home_digest
from localdlc.record.view import fold
from localdlc.run.engine import Engine, Leftover
from localdlc.stage.working_tree import discard

__all__ = ["Swept", "sweep"]

REASON = "localdlc was killed before the job ended; what it had started was removed."


@dataclass(frozen=True, slots=True)
class Swept:
    """One thing put in order; ``failure`` says why it could not be."""

    kind: Literal["container", "network", "job"]
    name: str
    failure: str = ""


def sweep(
    engine: Engine,
    home: Path,
    *,
    except_job: str | None = None,
    dry_run: bool = False,
    also_kept: bool = False,
) -> list[Swept]:
    """Everything removed or judged (or, with ``dry_run``, that would be)."""
    found = sorted(engine.leftovers(home_digest(home)), key=job_of)
    store = Store(home)
    try:
        swept = []
        for job_id, group in groupby(found, key=job_of):
            if job_id != except_job:
                swept += sweep_job(
                    engine, store, job_id, list(group), dry_run=dry_run, also_kept=also_kept
                )
        return swept + judge_abandoned(store, except_job, dry_run=dry_run)
    finally:
        store.close()


def job_of(leftover: Leftover) -> str:
    return leftover.labels.get("localdlc.job", "")


def sweep_job(
    engine: Engine,
    store: Store,
    job_id: str,
    leftovers: Iterable[Leftover],
    *,
    dry_run: bool,
    also_kept: bool,
) -> list[Swept]:
    """Removes one job's containers, then its network; each step stands alone and is reported."""
    # In this order: what a job keeps it says last, before it lets go of its lock.
    if store.supervised(job_id) or (kept(store, job_id) and not also_kept):
        return []
    if dry_run:
        return [Swept(leftover.kind, leftover.name) for leftover in leftovers]
    writer = store.adopt_job(job_id)  # None: somebody was faster, or the job's folder is gone
    if writer is None and store.job_folder(job_id).is_dir():
        return []
    swept = [remove(engine, leftover) for leftover in leftovers]
    if writer:
        writer.close()
    return swept


def remove(engine: Engine, leftover: Leftover) -> Swept:
    try:
        if leftover.kind == "container":
            engine.remove(leftover.id)
        else:
            engine.remove_network(leftover.id)
    except LocaldlcError as error:
        return Swept(leftover.kind, leftover.name, str(error))
    return Swept(leftover.kind, leftover.name)


def kept(store: Store, job_id: str) -> bool:
    """Whether the user asked for this job's containers to stay."""
    return any(isinstance(record.event, ContainersKept) for record in store.records(job_id))


def judge_abandoned(store: Store, except_job: str | None, *, dry_run: bool) -> list[Swept]:
    """Gives every job whose supervisor is gone the verdict that it never got."""
    judged = []
    for row in store.unfinished():
        if row.job_id == except_job or store.supervised(row.job_id):
            continue
        writer = None if dry_run else store.adopt_job(row.job_id)
        records = store.records(row.job_id)
        # Looked at again now that nobody else writes: it may have ended since it was listed.
        if (dry_run or writer) and not fold(records).terminal:
            judged.append(Swept("job", row.job_id))
            if writer:
                judge(writer, records)
                discard(writer.folder / "code")
        if writer:
            writer.close()
    return judged


def judge(writer: JobLog, records: list[Record]) -> None:
    now = datetime.now(UTC)
    view = fold(records)
    seconds = round((now - view.created).total_seconds(), 3) if view.created else 0.0
    events = (
        *(
            ReplicaLost(replica.pod_id, replica.attempt, "localdlc was killed before it ended")
            for replica in view.replicas.values()
            if replica.status == "Running"
        ),
        StatusChanged(view.status, "Failed", "SupervisorLost", REASON),
        JobFinished("Failed", "SupervisorLost", REASON, None, seconds),
    )
    for seq, event in enumerate(events, start=records[-1].seq + 1):
        writer.append(Record(seq, now, writer.job_id, event))
