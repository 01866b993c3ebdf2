"""A job's libraries, wired: one task an image, and errands for them on its engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from localdlc.config import Config
from localdlc.errors import ImageError, LocaldlcError
from localdlc.plan.libraries import WHEELS
from localdlc.plan.model import Plan
from localdlc.record.store import home_digest
from localdlc.run.engine import ContainerSpec, Engine, EngineOver
from localdlc.run.errands import Errands
from localdlc.run.tasks import Task
from localdlc.stage.libraries import LibrariesTask, Surroundings
from localdlc.stage.ready_image import ReadyImage, reference

__all__ = ["Installations"]


class Installations:
    """What brings the libraries of one job."""

    def __init__(
        self, plan: Plan, config: Config, engine: Engine, learn: Callable[[Iterable[str]], None]
    ) -> None:
        """``learn`` hears what must not be shown from now on."""
        home = home_digest(config.home)
        self._engine = engine
        self._errands = Errands(engine, plan.job_id, home)
        around = Surroundings(
            cache=config.home / "cache" / "wheels",
            offline=config.offline,
            environment=os.environ,
            errands=self._errands,
            image_id=engine.find_image,
            reference=partial(reference, home),
            learn=learn,
        )
        self._tasks = [LibrariesTask(n, each, around) for n, each in enumerate(plan.libraries)]

    def tasks(self) -> dict[str, Task]:
        """They read code and data, and need the images: all of these must be there."""
        return {f"libraries {n}": task for n, task in enumerate(self._tasks)}

    def under(self, engine: Engine) -> Engine:
        """The same engine; replicas that it creates begin in ready images, where they may."""
        return Ready(engine, self._tasks)

    def leave(self) -> None:
        """After the job, however it ended."""
        self._errands.call_off()
        for task in self._tasks:
            task.leave()
            if task.own_image:
                with suppress(LocaldlcError):  # kept containers use it; `gc` will find it
                    self._engine.remove_image(task.own_image)


class Ready(EngineOver):
    """An engine whose replicas begin in ready images."""

    def __init__(self, engine: Engine, tasks: Sequence[LibrariesTask]) -> None:
        super().__init__(engine)
        self._tasks = tasks

    def create(self, spec: ContainerSpec) -> str:
        found = (task.ready_for(spec.mounts) for task in self._tasks)
        ready = next(filter(None, found), None)
        # Another user than the image's own installs elsewhere.
        if ready is None or spec.user:
            return self._engine.create(spec)
        try:
            return self._engine.create(begun_in(ready, spec))
        except ImageError:  # somebody has cleaned the engine since it was looked for
            return self._engine.create(spec)


def begun_in(ready: ReadyImage, spec: ContainerSpec) -> ContainerSpec:
    mounts = tuple(
        replace(mount, source=str(ready.folder)) if mount.target == WHEELS else mount
        for mount in spec.mounts
    )
    return replace(spec, image=ready.image, mounts=mounts)
