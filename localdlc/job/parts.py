"""What there may be to a job beside its replicas, part by part.

Something new is written in a module of its own and becomes one function and one line of `PARTS`
here. What most jobs have not is loaded for those that have.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localdlc.config import Config
from localdlc.job.inputs import Inputs
from localdlc.job.journal import Journal
from localdlc.job.outputs import Outputs
from localdlc.plan.model import Plan
from localdlc.plan.pod import Pod
from localdlc.record.events import Event, Note
from localdlc.record.store import home_digest
from localdlc.run.control import Control
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.settings import Settings
from localdlc.run.tasks import Task

if TYPE_CHECKING:
    from localdlc.record.view import JobView
    from localdlc.run.found import Found

__all__ = ["CARRIED_ON", "PARTS", "Job", "Part", "Whole", "with_pods"]

Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Job:
    """A job on its way. ``engine`` is bare: no part lies over it."""

    plan: Plan
    config: Config
    engine: Engine
    control: Control
    journal: Journal
    errands: Errands
    outputs: Outputs

    @property
    def folder(self) -> Path:
        return self.config.job_folder(self.plan.job_id)

    @property
    def settings(self) -> Settings:
        config = self.config
        return Settings(
            home_digest(config.home),
            config.subnets,
            "never" if config.offline else config.pull,
            config.keep,
            engine_patience=config.engine_patience,
        )


@dataclass(frozen=True)
class Part:
    """Where something takes part in a job; what is not said, it takes no part in.

    ``tasks`` are done beside the making of network and images, ``afterwards`` when all of these
    are through. ``placed`` hears the plan as it is carried out, before any replica is created.
    ``under`` and ``heard`` give engine and journal back with this part over them. ``go_on`` hears,
    instead of all that, what another supervisor had begun. ``leave`` is called after the job,
    however it ended, with what notes a sentence.
    """

    tasks: Mapping[str, Task] = field(default_factory=dict)
    afterwards: Mapping[str, Task] = field(default_factory=dict)
    placed: Callable[[Plan], object] = lambda plan: None
    under: Callable[[Engine], Engine] = lambda engine: engine
    heard: Callable[[Emit], Emit] = lambda emit: emit
    go_on: Callable[[Found, JobView], object] = lambda found, view: None
    leave: Callable[[Callable[[str], None]], object] = lambda note: None


class Whole:
    """A job with all the parts that were added, each over those before it."""

    def __init__(self, engine: Engine, journal: Journal, after: ExitStack) -> None:
        """``after`` is left when the job is over."""
        self.engine = engine
        self.emit: Emit = journal
        self.tasks: dict[str, Task] = {}
        self.afterwards: dict[str, Task] = {}
        self._note = journal.note
        self._after = after
        self._parts: list[Part] = []

    def add(self, part: Part) -> None:
        self._after.callback(part.leave, self._note)
        self.engine, self.emit = part.under(self.engine), part.heard(self.emit)
        self.tasks |= part.tasks
        self.afterwards |= part.afterwards
        self._parts.append(part)

    def placed(self, plan: Plan) -> None:
        for part in self._parts:
            part.placed(plan)


def inputs(job: Job, engine: Engine) -> Part:
    brought = Inputs(job.plan, job.config)
    return Part(tasks=brought.tasks(), leave=brought.leave)


def credentials(job: Job, engine: Engine) -> Part | None:
    if job.plan.injection is None:
        return None
    from localdlc.job.injection import Injected

    injected = Injected(job.plan, job.plan.injection, job.config, os.environ, job.journal.learn)
    return Part(
        tasks={"credentials": injected.open},
        under=lambda engine: injected.beside(engine, job.control.inbox.post),
        leave=lambda note: injected.close(),
    )


def files(job: Job, engine: Engine) -> Part | None:
    own = job.plan.files()
    if not own:
        return None
    from localdlc.stage.files import FilesTask

    task = FilesTask(job.folder, own, job.journal.learn)
    return Part(tasks={"files": task}, leave=lambda note: task.leave())


def shared_folders(job: Job, engine: Engine) -> Part | None:
    folders = [mount.source for replica in job.plan.replicas for mount in replica.pod.shared]
    if not folders:
        return None
    from localdlc.stage.shared import SharedTask

    task = SharedTask(job.folder, map(Path, folders))
    return Part(tasks={"shared": task}, leave=lambda note: task.leave())


def outputs(job: Job, engine: Engine) -> Part:
    own, calls = job.outputs, job.control.calls
    return Part(
        tasks=own.tasks(),
        afterwards=own.afterwards(),
        under=own.under,
        heard=own.heard,
        go_on=lambda found, view: own.find(),
        leave=lambda note: None if calls.given_up else own.settle(job.journal),
    )


def libraries(job: Job, engine: Engine) -> Part | None:
    if not job.plan.libraries:
        return None
    from localdlc.job.libraries import Installations

    own = Installations(job.plan, job.config, job.engine, job.journal.learn)
    return Part(afterwards=own.tasks(), under=own.under, leave=lambda note: own.leave())


def pods(job: Job, engine: Engine) -> Part:
    return Part(under=lambda engine: with_pods(engine, job.plan, job.control))


def faults(job: Job, engine: Engine) -> Part | None:
    if not job.plan.faults:
        return None
    from localdlc.run.faults import Faults

    own = Faults(job.plan, engine, job.errands, job.control.inbox.post)
    return Part(under=own.under, heard=own.heard, leave=own.leave)


def hangs(job: Job, engine: Engine) -> Part | None:
    if job.config.hang_timeout is None:
        return None
    from localdlc.job import hanging

    own = hanging.hangs(job.plan, job.config, job.errands, job.control, job.journal.masked)
    return Part(
        under=own.under,
        heard=own.heard,
        go_on=lambda found, view: own.go_on(found),
        leave=own.leave,
    )


def gpus(job: Job, engine: Engine) -> Part | None:
    """It is told and kept which replica has which."""
    if job.plan.pool is None:
        return None

    def told(plan: Plan) -> None:
        from localdlc.plan.gpus import handed_out

        job.journal.planned(plan)
        job.control.inbox.post(Note(handed_out(plan)))

    return Part(placed=told)


def metering(job: Job, engine: Engine) -> Part | None:
    if job.config.metrics == "off":
        return None
    from localdlc.job.metering import Metering

    own = Metering(job.plan, engine, job.folder, job.control.inbox.post)
    return Part(placed=own.know, heard=own.heard, go_on=own.go_on, leave=lambda note: own.leave())


Make = Callable[[Job, Engine], Part | None]

PARTS: tuple[Make, ...] = (
    inputs,
    credentials,
    files,
    shared_folders,
    outputs,
    libraries,
    pods,
    faults,
    hangs,
    gpus,
    metering,
)
"""Each is given the engine as those before it lie over it; they leave in the other order."""

CARRIED_ON: tuple[Make, ...] = (outputs, hangs, metering)
"""Those that a successor takes over."""


def with_pods(engine: Engine, plan: Plan, control: Control) -> Engine:
    around = {replica.pod_id: replica.pod for replica in plan.replicas if replica.pod != Pod()}
    if not around:
        return engine
    from localdlc.run.pods import Pods

    return Pods(engine, around, plan.grace_seconds, control.inbox.post)
