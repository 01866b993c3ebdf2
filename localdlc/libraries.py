"""A job's libraries, wired: one task an image, and errands for them on its engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from localdlc.config import Config
from localdlc.plan.model import Plan
from localdlc.record.store import home_digest
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.tasks import Task
from localdlc.stage.libraries import LibrariesTask, Surroundings

__all__ = ["Installations"]


class Installations:
    """What brings the libraries of one job."""

    def __init__(
        self, plan: Plan, config: Config, engine: Engine, learn: Callable[[Iterable[str]], None]
    ) -> None:
        """``learn`` hears what must not be shown from now on."""
        self._errands = Errands(engine, plan.job_id, home_digest(config.home))
        around = Surroundings(
            cache=config.home / "cache" / "wheels",
            offline=config.offline,
            environment=os.environ,
            errands=self._errands,
            image_id=engine.find_image,
            learn=learn,
        )
        self._tasks = [LibrariesTask(n, each, around) for n, each in enumerate(plan.libraries)]

    def tasks(self) -> dict[str, Task]:
        """They read code and data, and need the images: all of these must be there."""
        return {f"libraries {n}": task for n, task in enumerate(self._tasks)}

    def leave(self) -> None:
        """After the job, however it ended."""
        self._errands.call_off()
        for task in self._tasks:
            task.leave()
