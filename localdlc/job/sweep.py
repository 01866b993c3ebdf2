"""What a supervisor that was killed left behind: carried on with, or removed, and its job judged.

With a job whose replicas had all been created a supervisor of its own carries on. Only what
carries this home's label is looked at, and only when the job's lock can be taken: a running job of
another process holds its own.
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
from localdlc.job.handover import Handover
from localdlc.job.inheritance import NOT_CREATED, discard_inheritance, inherit
from localdlc.record.events import ContainersKept, JobFinished, Record, ReplicaLost, StatusChanged
from localdlc.record.store import JobLog, Store, home_digest
from localdlc.record.view import JobView, fold
from localdlc.run.engine import Engine, Leftover
from localdlc.run.errands import Errands
from localdlc.stage.files import discard_files
from localdlc.stage.layer import layers_in, settle
from localdlc.stage.shared import discard_shared
from localdlc.stage.working_tree import discard

__all__ = ["Swept", "sweep", "sweep_images", "uninherited"]

BROKEN_OFF = "it had broken off by itself"
REASON = "localdlc was killed before the job ended; what it had started was removed"


@dataclass(frozen=True, slots=True)
class Swept:
    """One thing put in order; ``failure`` says why it could not be.

    A job was judged and has its ``status``, an orphan is one that somebody carries on with.
    """

    kind: Literal["container", "volume", "network", "image", "job", "orphan"]
    name: str
    failure: str = ""
    status: str = ""


def sweep(
    engine: Engine,
    home: Path,
    *,
    except_job: str | None = None,
    only_job: str | None = None,
    dry_run: bool = False,
    also_kept: bool = False,
    why: str = "",
) -> list[Swept]:
    """Everything carried on with, removed or judged (or, with ``dry_run``, that would be).

    ``why`` nobody carries on with ``only_job``.
    """
    found = sorted(engine.leftovers(home_digest(home)), key=job_of)
    things = {job_id: list(group) for job_id, group in groupby(found, key=job_of)}
    with closing(Store(home)) as store:
        swept = []
        chosen = dict.fromkeys((*things, *(row.job_id for row in store.unfinished())))
        for job_id in (only_job,) if only_job else (job for job in chosen if job != except_job):
            left = things.get(job_id, [])
            step = partial(
                sweep_one, engine, store, job_id, left, why, dry_run=dry_run, kept=also_kept
            )
            swept += on_its_own(job_id, step)
        return swept


def sweep_one(
    engine: Engine,
    store: Store,
    job_id: str,
    leftovers: list[Leftover],
    why: str,
    *,
    dry_run: bool,
    kept: bool,
) -> list[Swept]:
    if store.supervised(job_id):
        return []
    why = why or unwanted(store, job_id, leftovers)
    if not why:
        if not dry_run:
            from localdlc.spawning import carry_on

            carry_on(store.home, job_id)
        return [Swept("orphan", job_id)]
    swept = sweep_job(engine, store, job_id, leftovers, dry_run=dry_run, kept=kept)
    return swept + on_its_own(job_id, partial(judge_job, store, job_id, why, dry_run=dry_run))


def unwanted(store: Store, job_id: str, leftovers: list[Leftover]) -> str:
    """Why nobody is to carry on with a job; "" for an orphan."""
    from localdlc.job.finding import unfit

    view = fold(store.records(job_id))
    if view.terminal or not view.status:
        return "it has ended"
    left = inherit(store.job_folder(job_id))
    if isinstance(left, str):
        return uninherited(left, view)
    return unfit(view, left[0], leftovers)


def uninherited(why: str, view: JobView) -> str:
    """Why there is no inheritance: a job whose replicas were there has discarded it at its end."""
    return BROKEN_OFF if why == NOT_CREATED and view.replicas else why


def sweep_images(engine: Engine, home: Path, *, dry_run: bool = False) -> list[Swept]:
    """Removes ready images whose wheels have left the cache, or that a job had for itself."""
    from localdlc.stage.ready_image import reference

    ours = reference(home_digest(home), "")
    cached = {folder.name for folder in (home / "cache" / "wheels").glob("*")}
    with closing(Store(home)) as store:
        names = {name.removeprefix(ours) for name in engine.image_names() if name.startswith(ours)}
        idle = [
            f"{ours}{name}"
            for name in sorted(names - cached)
            if not store.supervised(name.rpartition("-")[0] or name)
        ]
    return [Swept("image", name) if dry_run else remove_image(engine, name) for name in idle]


def remove_image(engine: Engine, name: str) -> Swept:
    try:
        engine.remove_image(name)
    except LocaldlcError as error:
        return Swept("image", name, str(error))
    return Swept("image", name)


def on_its_own(job_id: str, step: Callable[[], list[Swept]]) -> list[Swept]:
    """One job's wreck must not keep the others from being swept, whatever is wrong with it."""
    try:
        return step()
    except LocaldlcError as error:
        return [Swept("job", job_id, str(error))]
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
            clear(engine, store, job_id)
    return swept


def clear(engine: Engine, store: Store, job_id: str) -> None:
    """The job's folder, by whoever holds its lock."""
    hand_over(engine, store, job_id)
    tidy(store.job_folder(job_id))


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
    discard_inheritance(folder)
    (folder / "control").unlink(missing_ok=True)
    log = folder / "supervisor.log"
    if log.exists() and not log.stat().st_size:  # it was killed before it had anything to say
        log.unlink()
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


def judge_job(store: Store, job_id: str, why: str, *, dry_run: bool) -> list[Swept]:
    """Gives a job whose supervisor is gone the verdict that it never got."""
    if store.supervised(job_id):
        return []
    if dry_run:
        records = store.records(job_id)
        return [] if ended(records) else [Swept("job", job_id, status=closed_as(records))]
    writer = store.adopt_job(job_id)
    if writer is None:
        return []
    with closing(writer):
        # Looked at now that nobody else writes: it may have ended since it was listed.
        records = store.records(job_id)
        if ended(records):
            return []
        judge(writer, records, f"{REASON}: {why}." if why else f"{REASON}.")
        tidy(writer.folder)
    return [Swept("job", job_id, status=closed_as(records))]


def closed_as(records: list[Record]) -> str:
    """One whose replicas were only held has had its verdict."""
    return (fold(records).verdict_in_reserve or ("Failed",))[0]


def ended(records: list[Record]) -> bool:
    """Also what a home no longer knows."""
    return not records or fold(records).terminal


def judge(writer: JobLog, records: list[Record], reason: str) -> None:
    now = datetime.now(UTC)
    view = fold(records)
    seconds = round(view.age(now), 3)
    verdict = view.verdict_in_reserve or ("Failed", "SupervisorLost", reason)
    events = (
        *(
            ReplicaLost(replica.pod_id, replica.attempt, "localdlc was killed before it ended")
            for replica in view.replicas.values()
            if replica.status == "Running"
        ),
        StatusChanged(view.status, *verdict),
        JobFinished(*verdict, None, seconds),
    )
    first = records[-1].seq + 1
    writer.append(*(Record(n, now, writer.job_id, event) for n, event in enumerate(events, first)))
