"""A job whose supervisor is gone, wired for another: from where it is to its verdict.

One rule: with a job whose replicas have all been created somebody carries on; any other is swept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from localdlc.config import Config
from localdlc.errors import EngineUnavailable, HomeError, LocaldlcError
from localdlc.job.finding import find, unfit
from localdlc.job.inheritance import ENGINE, Heirloom, discard_inheritance, inherit
from localdlc.job.journal import Journal
from localdlc.job.outputs import Outputs
from localdlc.job.parts import CARRIED_ON, Job, Whole, with_pods
from localdlc.job.sweep import clear, remove, sweep, uninherited
from localdlc.plan.model import PASTED, Plan
from localdlc.plan.secrets import secrets_of_config
from localdlc.record.log_file import log_path
from localdlc.record.masking import Mask
from localdlc.record.resuming import mended
from localdlc.record.store import JobLog, Store, explained, home_digest
from localdlc.record.view import fold
from localdlc.run.containers import container_of
from localdlc.run.control import Control
from localdlc.run.control_socket import ControlSocket
from localdlc.run.docker_engine import connect
from localdlc.run.engine import ContainerSpec, Engine, EngineOver, Leftover, Stream
from localdlc.run.errands import Errands
from localdlc.run.found import Found
from localdlc.run.pods import Pods
from localdlc.run.supervisor import Supervisor
from localdlc.stage.cache import held_again as held_trees
from localdlc.stage.credentials import local_secrets

__all__ = ["take_over"]

# Seconds that an engine may take to be there, as after a reboot.
PATIENCE = 120.0
TAKEN_OVER = "its supervisor was killed; another carries on from here"
WITHOUT_KEYS = "what answered at localhost:7002 ended with the supervisor; there are no keys there"


def take_over(job_id: str, config: Config, control: Control, ready: Callable[[], None]) -> None:
    """Carries on with the job to its verdict; ``ready`` is called once it is in our hands.

    Does nothing for a job that has ended or that somebody else has; sweeps one with which nobody
    can carry on. Raises `EngineUnavailable` when its engine is not there, and `HomeError` when it
    cannot be given its verdict: then it stays as it is.
    """
    with closing(Store(config.home)) as store:
        writer = store.adopt_job(job_id)
        if writer is None:
            return
        with closing(writer):
            why = take_up(store, writer, config, control, ready)
        if why:
            engine = engine_of(inherit(writer.folder), os.environ)
            left = sweep(engine, config.home, only_job=job_id, why=why)
            for one in left:
                if one.kind == "job" and one.failure:
                    raise HomeError(f"{job_id} cannot be given its verdict: {one.failure}")


def engine_of(left: Heirloom | str, environment: Mapping[str, str]) -> Engine:
    """The engine of the job, waited for as long as it may take to come up."""
    if not isinstance(left, str):  # where its own engine is, and not ours
        others = {name: value for name, value in environment.items() if name not in ENGINE}
        environment = {**others, **left[2]}
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(environment)
        except EngineUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def take_up(
    store: Store, writer: JobLog, config: Config, control: Control, ready: Callable[[], None]
) -> str:
    """To the verdict; or why not."""
    records = store.records(writer.job_id)
    view = fold(records)
    if view.terminal:
        return ""
    left = inherit(writer.folder)
    if isinstance(left, str):
        return uninherited(left, view)
    plan, settings, _ = left
    with closing(engine_of(left, os.environ)) as engine:
        things = of_job(engine, config.home, writer.job_id)
        if why := unfit(view, plan, things):
            return why

        def lines(pod_id: str, attempt: int) -> Mapping[Stream, int]:
            with explained(config.home):
                return mended(log_path(writer.folder, pod_id, attempt))  # type: ignore[return-value]

        found = find(plan, view, records, things, lines, datetime.now(UTC))
        mask = mask_of(plan, found, engine, config)
        with ExitStack() as held, closing(ControlSocket(writer.folder, control)) as reached:
            if why := held_again(plan, engine, config.home, held):
                return why
            seq = records[-1].seq + 1 + sum(sum(each.lines.values()) for each in found.containers)
            journal = Journal(writer.job_id, writer, mask, [reached], seq=seq, view=view)
            ready()
            try:
                chosen = replace(config, **settings)
                carry_on(plan, found, store, engine, chosen, journal, control)
            finally:
                journal.break_off()
    return ""


def held_again(plan: Plan, engine: Engine, home: Path, held: ExitStack) -> str:
    """Holds the job's GPUs; or why that cannot be."""
    if plan.pool is None:
        return ""
    from localdlc.job.admission import resume

    place = resume(plan, engine, home)
    if isinstance(place, str):
        return place
    held.callback(place.leave)
    return ""


def of_job(engine: Engine, home: Path, job_id: str) -> list[Leftover]:
    things = engine.leftovers(home_digest(home))
    return [thing for thing in things if thing.labels.get("localdlc.job") == job_id]


def mask_of(plan: Plan, found: Found, engine: Engine, config: Config) -> Mask:
    """What is secret in the job's output: all that its containers were given, and ours."""
    mask = Mask(secrets_of_config(config) | local_secrets(config, os.environ))
    names = {replica.pod_id: replica.secrets for replica in plan.replicas}
    for container in found.containers:
        if container.id:
            given = engine.environment(container.id)
            mask.learn(given[name] for name in names[container.pod_id] if name in given)
            mask.learn(word for text in given.values() for word in PASTED.findall(text))
    return mask


def carry_on(
    plan: Plan,
    found: Found,
    store: Store,
    engine: Engine,
    config: Config,
    journal: Journal,
    control: Control,
) -> None:
    """The rest of `supervise`: nothing is staged any more."""
    engine = control.calls.watched(engine)
    journal.note(TAKEN_OVER)
    if plan.injection:
        journal.note(WITHOUT_KEYS)
    errands = Errands(engine, plan.job_id, home_digest(config.home))
    outputs = Outputs(plan, config, engine, errands)
    job = Job(plan, config, engine, control, journal, errands, outputs)
    with ExitStack() as after:  # what comes last here is done first
        after.callback(discard_inheritance, job.folder)
        after.callback(tidy_up, engine, store, journal, outputs)
        whole = Whole(engine, journal, after)
        for make in CARRIED_ON:
            if part := make(job, whole.engine):
                whole.add(part)
                part.go_on(found, journal.view)
        for tree in held_trees(job.folder / "data"):
            after.callback(tree.let_go)
        again = with_hooks(Again(whole.engine, found), plan, found, control)
        Supervisor(plan, again, whole.emit, job.settings, control).carry_on(found)
    outputs.write_back(journal, succeeded=journal.view.status == "Succeeded")


def with_hooks(engine: Engine, plan: Plan, found: Found, control: Control) -> Engine:
    """The same engine; who is told to stop has its PreStop first."""
    pods = with_pods(engine, plan, control)
    if pods is not engine:
        replicas = {replica.pod_id: replica for replica in plan.replicas}
        for one in found.containers:
            if one.id and not one.end:
                spec = container_of(plan, replicas[one.pod_id], "", (), one.attempt)
                cast(Pods, pods).take_over(spec, one.id)
    return pods


def tidy_up(engine: Engine, store: Store, journal: Journal, outputs: Outputs) -> None:
    """What the one before had around the replicas, and in the job's folder."""
    if outputs.kept:
        return
    job_id = journal.view.job_id
    try:
        left = [remove(engine, thing) for thing in of_job(engine, store.home, job_id)]
        clear(engine, store, job_id)
    except LocaldlcError as error:
        journal.note(f"{error}. `localdlc gc` will remove what is still there.")
    else:
        for failure in filter(None, (thing.failure for thing in left)):
            journal.note(f"{failure}. `localdlc gc` will remove it.")


class Again(EngineOver):
    """An engine on which a replica that begins anew is created like the attempt before it."""

    def __init__(self, engine: Engine, found: Found) -> None:
        super().__init__(engine)
        self._last = {one.pod_id: one.id for one in found.containers if one.id}

    def create(self, spec: ContainerSpec) -> str:
        pod = spec.labels["localdlc.pod"]
        container = self._engine.create_again(self._last[pod], spec.name, spec.labels)
        self._last[pod] = container
        return container
