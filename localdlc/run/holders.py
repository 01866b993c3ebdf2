"""Who holds what of this machine: from the entries of those who live, and from what runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from localdlc.plan.room import Holder
from localdlc.run.engine import Leftover
from localdlc.run.waiting_list import Entry

__all__ = ["abandoned", "holders"]


def holders(entries: Sequence[Entry], there: Iterable[Leftover], digest: str) -> tuple[Holder, ...]:
    """Every other job that has something; ``digest`` is that of the home which asks.

    What a job was given it has until it ends, also while none of its containers runs. Of a job
    without an entry there is only what its containers say.
    """
    by_job = {job: list(those) for job, those in groupby(sorted(there, key=job_of), job_of)}
    given = {(entry.job_id, entry.digest): entry for entry in entries if entry.admitted}
    living = {(entry.job_id, entry.digest) for entry in entries}
    return tuple(
        holder(job, given.get(job), by_job.get(job, ()), digest, gone=job not in living)
        for job in sorted(given.keys() | by_job.keys())
    )


def holder(
    job: tuple[str, str],
    entry: Entry | None,
    containers: Iterable[Leftover],
    digest: str,
    *,
    gone: bool,
) -> Holder:
    labels = [container.labels for container in containers]
    gpus = {uuid for one in labels for uuid in one.get("localdlc.gpus", "").split(",") if uuid}
    cpus = sum(round(1000 * number(one.get("localdlc.cpus"))) for one in labels)
    memory = sum(int(number(one.get("localdlc.memory"))) for one in labels)
    job_id, home = job
    if entry is None:
        where = "" if home == digest else "another home"
        return Holder(job_id, frozenset(gpus), False, cpus, memory, where, gone=gone and bool(gpus))
    return Holder(
        job_id,
        frozenset(gpus.union(entry.gpus)),
        entry.shared,
        max(cpus, entry.cpus),
        max(memory, entry.memory),
        "" if home == digest else entry.home,
    )


def abandoned(entries: Iterable[Entry], there: Iterable[Leftover]) -> tuple[Leftover, ...]:
    """Containers that hold GPUs though the localdlc that started them is gone."""
    living = {(entry.job_id, entry.digest) for entry in entries}
    return tuple(c for c in there if c.labels.get("localdlc.gpus") and job_of(c) not in living)


def job_of(container: Leftover) -> tuple[str, str]:
    """Its JobId and the digest of its home: homes may use the same id."""
    return container.labels.get("localdlc.job", ""), container.labels.get("localdlc.home", "")


def number(label: str | None) -> float:
    """0 for what another version has written."""
    try:
        return float(label or 0)
    except ValueError:
        return 0.0
