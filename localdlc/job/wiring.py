"""One job, wired: its plan to a supervisor, its events to the store and to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.errors import LocaldlcError
from localdlc.job.inheritance import Inheritance
from localdlc.job.journal import Journal, Listener
from localdlc.job.outputs import Outputs
from localdlc.job.parts import PARTS, Job, Part, Whole
from localdlc.job.result import Result
from localdlc.job.sweep import sweep
from localdlc.plan.model import Plan
from localdlc.plan.resources import within
from localdlc.plan.secrets import masked_by_name, secrets_in
from localdlc.record.events import Note
from localdlc.record.masking import Mask
from localdlc.record.store import Store, explained, home_digest
from localdlc.record.view import in_order
from localdlc.run.control import Control
from localdlc.run.control_socket import ControlSocket
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.run.supervisor import Preparation, Supervisor
from localdlc.run.tasks import Task

if TYPE_CHECKING:
    from localdlc.job.admission import Admission

__all__ = ["run_job"]

TRIMMED = "trimmed"
TRIM_AGAIN = 24 * 3600.0  # seconds


def run_job(
    request: dict[str, Any],
    plan: Plan,
    engine: Engine,
    config: Config,
    listeners: Sequence[Listener] = (),
    control: Control | None = None,
    mask: Mask | None = None,
) -> Result:
    """Runs a plan to its verdict and records it; ``request`` is what is stored beside it.

    ``mask`` learns every secret of the job.
    """
    mask, control = mask or Mask(()), control or Control()
    mask.learn((*plan.secret_values(), *secrets_in(request)))
    plan = within(plan, engine.ceilings())
    store = Store(config.home)
    asked = mask.value(masked_by_name(request))
    writer = store.open_job(plan.job_id, (asked.get("Settings") or {}).get("Tags"))
    with explained(config.home):
        reached = ControlSocket(writer.folder, control)
    journal = Journal(plan.job_id, writer, mask, [*listeners, reached])
    try:
        writer.write_document("request.json", asked)
        journal.planned(plan)
        if config.debug_replica:
            from localdlc.plan.debugging import launch

            writer.write_document("launch.json", mask.value(launch(plan)))
        inherited = Inheritance(writer.folder, config, mask)
        supervise(plan, engine, config, journal, control, inherited)
        trim_in_passing(config, journal)
    except Exception as error:
        mask.exception(error)
        raise
    finally:
        journal.break_off()
        writer.close()
        store.close()
        reached.close()  # whoever waits for the end finds all of it done
    pods = [replica.pod_id for replica in plan.replicas]
    return Result(plan.job_id, in_order(journal.view, pods), writer.folder)


def supervise(
    plan: Plan,
    engine: Engine,
    config: Config,
    journal: Journal,
    control: Control,
    inherited: Inheritance,
) -> None:
    """Supervises the job with all its parts; afterwards each tidies up, whatever happens."""
    engine = control.calls.watched(engine)
    errands = Errands(engine, plan.job_id, home_digest(config.home))
    outputs = Outputs(plan, config, engine, errands)
    job = Job(plan, config, engine, control, journal, errands, outputs)

    def sweep_before(post: Post) -> None:
        sweep_in_passing(engine, config.home, plan.job_id, post)

    admission = admission_of(plan, config, engine, sweep_before)
    with ExitStack() as after:  # what comes last here is done first
        whole = Whole(engine, journal, after)
        whole.add(Part(placed=inherited.leave, leave=lambda note: inherited.discard()))
        whole.add(Part(tasks={"sweep": sweep_before}))
        for make in PARTS:
            if part := make(job, whole.engine):
                whole.add(part)
        if admission:
            after.callback(admission.leave)
        before = Preparation(whole.tasks, whole.afterwards, whole.placed, admission)
        Supervisor(plan, whole.engine, whole.emit, job.settings, control, before).run()
    outputs.write_back(journal, succeeded=journal.view.status == "Succeeded")


def admission_of(plan: Plan, config: Config, engine: Engine, sweep: Task) -> Admission | None:
    """Its turn on this machine, for a job that may have to wait for others."""
    exact = config.resources == "exact"
    if plan.pool is None and not exact:
        return None
    from localdlc.job.admission import Admission

    return Admission(
        engine,
        config.home,
        sweep,
        exact=exact,
        wait=not config.no_wait,
        patience=config.engine_patience,
    )


def trim_in_passing(config: Config, journal: Journal) -> None:
    """Once a day: to look at all files of a home takes its time."""
    mark = config.home / TRIMMED
    with explained(config.home):
        looked = mark.stat().st_mtime if mark.exists() else None
        if looked is not None and 0 <= time.time() - looked < TRIM_AGAIN:
            return
        mark.touch()
    if looked is None:  # a home that is new
        return
    from localdlc.job.trimming import trim

    try:
        for words in trim(config):
            journal.note(words)
    except LocaldlcError as error:  # the job has its verdict, whatever is wrong with older ones
        journal.note(f"what is beyond the limits could not be removed: {error}")


def sweep_in_passing(engine: Engine, home: Path, job_id: str, post: Post) -> None:
    """What killed runs left is removed by the next; a run does not fail for it."""
    try:
        left = [swept for swept in sweep(engine, home, except_job=job_id) if swept.failure]
    except LocaldlcError as error:
        post(Note(f"what killed runs left could not be removed: {error}"))
    else:
        for swept in left:
            post(Note(f"{swept.kind} {swept.name} is still there: {swept.failure}"))
