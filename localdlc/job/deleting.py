"""A job that is over, forgotten: what it kept on the engine, its records, its folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, suppress

from localdlc.errors import BadRequest, EngineUnavailable, Unreadable
from localdlc.record.store import Store, explained
from localdlc.run.engine import Engine

__all__ = ["delete", "forget", "keeping"]


def keeping(store: Store, job_id: str) -> bool:
    """Whether it has kept containers. Where nobody can tell, `gc --kept` finds them."""
    from localdlc.job.sweep import keeps

    with suppress(Unreadable):
        return keeps(store, job_id)
    return False


def delete(store: Store, job_id: str, engine: Callable[[], Engine]) -> None:
    """``engine`` is asked for where the job has kept containers. Raises `HomeError`."""
    from localdlc.job.sweep import sweep

    if keeping(store, job_id):
        left = sweep(engine(), store.home, only_job=job_id, also_kept=True)
        if failed := [f"{thing.name}: {thing.failure}" for thing in left if thing.failure]:
            raise EngineUnavailable(f"{job_id} cannot be removed: {'; '.join(failed)}")
    forget(store, job_id)


def forget(store: Store, job_id: str) -> None:
    """The same for one that has kept nothing."""
    writer = store.adopt_job(job_id)
    if writer is None and store.job_folder(job_id).is_dir():
        raise BadRequest(f"{job_id} is in use by another process and cannot be removed.")
    store.forget(job_id)
    with explained(store.home):
        if writer:
            with closing(writer):
                shutil.rmtree(store.job_folder(job_id))
