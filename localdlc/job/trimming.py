"""What a home may hold: old jobs, old logs and caches beyond their limits go, and it is told.

Whatever a job needs that has not ended stays, and so do containers that were kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from localdlc.config import Config
from localdlc.errors import BadRequest
from localdlc.job.deleting import forget, keeping
from localdlc.record.store import JobRow, Store, explained
from localdlc.stage.caches import cached, remove
from localdlc.stage.meter import amount

__all__ = ["trim"]


def trim(config: Config, *, dry_run: bool = False) -> list[str]:
    """Down to the limits of the configuration, oldest first; a sentence for each that was passed.

    With ``dry_run`` nothing goes, and the sentences say what would.
    """
    with closing(Store(config.home)) as store:
        done = "would be" if dry_run else "were"
        return [
            *jobs_trimmed(store, config.limit_jobs, done, dry_run=dry_run),
            *logs_trimmed(store, config.limit_logs, done, dry_run=dry_run),
            *cache_trimmed(config.home, config.limit_cache, done, dry_run=dry_run),
        ]


def ended(store: Store) -> list[JobRow]:
    """Oldest first."""
    return [row for row in reversed(store.jobs()) if row.ended]


def jobs_trimmed(store: Store, limit: int | None, done: str, *, dry_run: bool) -> Iterator[str]:
    rows = ended(store)
    beyond = rows[: max(0, len(rows) - limit)] if limit is not None else []
    gone = 0
    for row in beyond:
        if not keeping(store, row.job_id) and (dry_run or forgotten(store, row.job_id)):
            gone += 1
    if gone:
        yield f"{gone:,} of {len(rows):,} old jobs {done} removed: limit_jobs is {limit:,}"


def forgotten(store: Store, job_id: str) -> bool:
    """Whether nobody else has the job in hand."""
    try:
        forget(store, job_id)
    except BadRequest:
        return False
    return True


def logs_trimmed(store: Store, limit: int | None, done: str, *, dry_run: bool) -> Iterator[str]:
    if limit is None:
        return
    with explained(store.home):
        sizes = {row: size_of(store.job_folder(row.job_id) / "logs") for row in ended(store)}
    total, gone = sum(sizes.values()), 0
    for row, size in sizes.items():
        if total - gone <= limit:
            break
        if size and (dry_run or log_files_gone(store, row.job_id)):
            gone += size
    if gone:
        yield f"{amount(gone)} of old logs {done} removed: limit_logs is {amount(limit)}"


def log_files_gone(store: Store, job_id: str) -> bool:
    """Whether nobody else has the job in hand."""
    writer = store.adopt_job(job_id)
    if writer is None:
        return False
    with closing(writer), explained(store.home):
        shutil.rmtree(writer.folder / "logs")
        (writer.folder / "logs").mkdir()
    return True


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())


def cache_trimmed(home: Path, limit: int | None, done: str, *, dry_run: bool) -> Iterator[str]:
    if limit is None:
        return
    found = cached(home)  # the latest used first
    total, gone = sum(one.bytes for one in found), 0
    for one in reversed(found):
        if total - gone <= limit:
            break
        if not one.in_use and (dry_run or remove(one)):
            gone += one.bytes
    if gone:
        yield f"{amount(gone)} of caches {done} removed: limit_cache is {amount(limit)}"
