"""What a supervisor that was killed left behind: found by labels, removed, and its job judged.

Only what carries this home's label is looked at, and only when the job's lock can be taken: a
running job of another process holds its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from localdlc.errors import LocaldlcError
from localdlc.handover import Handover
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
from localdlc.run.errands import Errands
from localdlc.stage.files import discard_files
from localdlc.stage.layer import layers_in, settle
from localdlc.stage.shared import discard_shared
from localdlc.stage.working_tree import discard

__all__ = ["Swept", "sweep"]

REASON = "localdlc was killed before the job ended; what it had started was removed."


@dataclass(frozen=True, slots=True)
class Swept:
    """One thing put in order; ``failure`` says why it could not be."""

    kind: Literal["container", "volume", "network", "job"]
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
                clear = partial(
                    sweep_job, engine, store, job_id, list(group), dry_run=dry_run, kept=also_kept
                )
                swept += on_its_own(job_id, clear)
        for row in store.unfinished():
            if row.job_id != except_job:
                swept += on_its_own(
                    row.job_id, partial(judge_job, store, row.job_id, dry_run=dry_run)
                )
        return swept
    finally:
        store.close()


def on_its_own(job_id: str, step: Callable[[], list[Swept]]) -> list[Swept]:
    """One job's wreck must not keep the others from being swept, whatever is wrong with it."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - a row of another version, a folder of another user
        return [Swept("job", job_id, f"{type(error).__name__}: {error}")]


def job_of(leftover: Leftover) -> str:
    return leftover.labels.get("localdlc.job", "")


def sweep_job(
    engine: Engine,
    store: Store,
    job_id: str,
    leftovers: Iterable[Leftover],
    *,
    dry_run: bool,
    kept: bool,
) -> list[Swept]:
    """Removes one job's containers, volumes and network; each stands alone and is reported."""
    # In this order: what a job keeps it says last, before it lets go of its lock.
    if store.supervised(job_id) or (keeps(store, job_id) and not kept):
        return []
    if dry_run:
        return [Swept(leftover.kind, leftover.name) for leftover in leftovers]
    writer = store.adopt_job(job_id)  # None: somebody was faster, or the job's folder is gone
    if writer is None and store.job_folder(job_id).is_dir():
        return []
    with closing(writer) if writer else nullcontext():
        swept = [remove(engine, leftover) for leftover in leftovers]
        if writer:
            hand_over(engine, store, job_id)
            tidy(writer.folder)
    return swept


def hand_over(engine: Engine, store: Store, job_id: str) -> None:
    """What the job wrote into its own folders; in others nobody knows any more what was there."""
    if os.getuid() == 0:
        return
    image = store.read_plan(job_id)["replicas"][0]["image"]
    folder = store.job_folder(job_id)
    places = [folder / "code", *(folder / "layers").glob("*"), *(folder / "shared").glob("*/*")]
    Handover(image, (), Errands(engine, job_id, home_digest(store.home)), os.getuid())(places)


def tidy(folder: Path) -> None:
    """What a killed run left in its job's folder: what the job wrote stays, as after any run."""
    discard_files(folder)  # keys go first: they must not stay for what may fail below
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    shutil.rmtree(folder / "credentials", ignore_errors=True)
    shutil.rmtree(folder / "reserved", ignore_errors=True)
    discard_shared(folder)
    for layer in layers_in(folder / "layers"):
        settle(layer, (folder / "data" / layer.name).resolve())
    shutil.rmtree(folder / "data", ignore_errors=True)  # links, no more
    discard(folder / "code")


def remove(engine: Engine, leftover: Leftover) -> Swept:
    removers = {
        "container": engine.remove,
        "volume": engine.remove_volume,
        "network": engine.remove_network,
    }
    try:
        removers[leftover.kind](leftover.id)
    except LocaldlcError as error:
        return Swept(leftover.kind, leftover.name, str(error))
    return Swept(leftover.kind, leftover.name)


def keeps(store: Store, job_id: str) -> bool:
    """Whether the user asked for this job's containers to stay."""
    return any(isinstance(record.event, ContainersKept) for record in store.records(job_id))


def judge_job(store: Store, job_id: str, *, dry_run: bool) -> list[Swept]:
    """Gives a job whose supervisor is gone the verdict that it never got."""
    if store.supervised(job_id):
        return []
    if dry_run:
        return [] if fold(store.records(job_id)).terminal else [Swept("job", job_id)]
    writer = store.adopt_job(job_id)
    if writer is None:
        return []
    with closing(writer):
        # Looked at now that nobody else writes: it may have ended since it was listed.
        records = store.records(job_id)
        if fold(records).terminal:
            return []
        judge(writer, records)
        tidy(writer.folder)
    return [Swept("job", job_id)]


def judge(writer: JobLog, records: list[Record]) -> None:
    now = datetime.now(UTC)
    view = fold(records)
    seconds = round((now - view.created).total_seconds(), 3) if view.created else 0.0
    verdict = view.verdict_in_reserve or ("Failed", "SupervisorLost", REASON)
    events = (
        *(
            ReplicaLost(replica.pod_id, replica.attempt, "localdlc was killed before it ended")
            for replica in view.replicas.values()
            if replica.status == "Running"
        ),
        StatusChanged(view.status, *verdict),
        JobFinished(*verdict, None, seconds),
    )
    for seq, event in enumerate(events, start=records[-1].seq + 1):
        writer.append(Record(seq, now, writer.job_id, event))
