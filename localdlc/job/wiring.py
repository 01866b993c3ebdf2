"""One job, wired: its plan to a supervisor, its events to the store and to whoever listens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from localdlc.config import Config
from localdlc.errors import JobNotSucceeded, LocaldlcError, NotFound
from localdlc.job.inheritance import Inheritance
from localdlc.job.inputs import Inputs
from localdlc.job.journal import Journal, Listener
from localdlc.job.outputs import Outputs
from localdlc.job.sweep import sweep
from localdlc.plan.model import Plan
from localdlc.plan.pod import Pod
from localdlc.plan.resources import within
from localdlc.plan.secrets import masked_by_name, secrets_in
from localdlc.record.events import (
    Note,
)
from localdlc.record.log_file import read_lines
from localdlc.record.masking import Mask
from localdlc.record.store import Store, explained, home_digest
from localdlc.record.view import JobView, ReplicaView, in_order
from localdlc.run.control import Control
from localdlc.run.control_socket import ControlSocket
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.run.supervisor import Settings, Supervisor, Task

if TYPE_CHECKING:
    from localdlc.job.admission import Admission
    from localdlc.job.injection import Injected
    from localdlc.job.libraries import Installations
    from localdlc.job.metering import Metering
    from localdlc.run.faults import Faults
    from localdlc.run.hangs import Hangs
    from localdlc.stage.files import FilesTask
    from localdlc.stage.shared import SharedTask

__all__ = ["Journal", "Listener", "Result", "run_job"]

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 5}
TRIMMED = "trimmed"
TRIM_AGAIN = 24 * 3600.0  # seconds
SIGNAL_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}


@dataclass(frozen=True)
class Result:
    """How a job ended. ``replicas`` is keyed by short names such as ``worker-0``, as planned."""

    job_id: str
    view: JobView
    folder: Path

    @property
    def status(self) -> str:
        return self.view.status

    @property
    def exit_code(self) -> int:
        """The contract's exit code for this end."""
        return exit_code(self.view)

    @property
    def replicas(self) -> dict[str, ReplicaView]:
        return {
            pod.removeprefix(f"{self.job_id}-"): replica
            for pod, replica in self.view.replicas.items()
        }

    def logs(self, replica: str, attempt: int | None = None) -> list[str]:
        """All lines of one replica, of its latest attempt unless told otherwise.

        Raises `NotFound` for an unknown one.
        """
        known = self.replicas.get(replica)
        if known is None:
            names = ", ".join(self.replicas) or "none"
            raise NotFound(f"{self.job_id} has no replica {replica}; there are: {names}.")
        path = self.folder / "logs" / f"{known.pod_id}.{attempt or known.attempt}.log"
        if not path.exists():
            return []
        return [text.decode("utf-8", "backslashreplace") for _, _, text in read_lines(path)]

    def raise_for_status(self) -> None:
        """Raises `JobNotSucceeded` unless the job has succeeded."""
        if self.status != "Succeeded":
            raise JobNotSucceeded(f"{self.job_id} ended {self.status}: {self.view.reason_message}")


def exit_code(view: JobView) -> int:
    """The contract's, of a job that has ended."""
    if view.status == "Stopped":
        return SIGNAL_CODES.get(view.stop_requested_by or "", EXIT_CODES["Stopped"])
    return EXIT_CODES[view.status]


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
    """Supervises the job while its inputs are staged; afterwards tidies up, whatever happens."""
    engine = control.calls.watched(engine)
    inputs = Inputs(plan, config)
    wrecks = {"sweep": lambda post: sweep_in_passing(engine, config.home, plan.job_id, post)}
    tasks: dict[str, Task] = {**inputs.tasks(), **wrecks}
    admission = admission_of(plan, config, engine, wrecks["sweep"])
    with ExitStack() as after:  # what comes last here is done first
        after.callback(inherited.discard)
        after.callback(inputs.leave, journal.note)
        if injected := injection_of(plan, config, journal):
            tasks["credentials"] = injected.open
            engine = injected.beside(engine, control.inbox.post)
            after.callback(injected.close)
        if own := files_of(plan, config, journal):
            tasks["files"] = own
            after.callback(own.leave)
        if shared := shared_of(plan, config):
            tasks["shared"] = shared
            after.callback(shared.leave)
        digest = home_digest(config.home)
        errands = Errands(engine, plan.job_id, digest)
        outputs = Outputs(plan, config, engine, errands)
        after.callback(lambda: None if control.calls.given_up else outputs.settle(journal))
        afterwards = outputs.afterwards()
        if installations := installations_of(plan, config, engine, journal):
            afterwards = {**installations.tasks(), **afterwards}
            engine = installations.under(engine)
            after.callback(installations.leave)
        engine, emit = outputs.under(engine), outputs.heard(journal)
        engine = with_pods(engine, plan, control.inbox.post)
        pull = "never" if config.offline else config.pull
        settings = Settings(
            digest, config.subnets, pull, config.keep, engine_patience=config.engine_patience
        )
        tasks |= outputs.tasks()
        for watcher in watchers(plan, config, engine, errands, control, journal):
            engine, emit = watcher.under(engine), watcher.heard(emit)
            after.callback(watcher.leave, journal.note)
        if metering := metering_of(plan, config, engine, control.inbox.post):
            emit = metering.heard(emit)
            after.callback(metering.leave)
        if admission:
            after.callback(admission.leave)
        admit = metering.knowing(admission) if metering and admission else admission
        placed = given_gpus(inherited.leave, journal, control.inbox.post, plan)
        Supervisor(plan, engine, emit, settings, control, tasks, afterwards, placed, admit).run()
    outputs.write_back(journal, succeeded=journal.view.status == "Succeeded")


# What most jobs have not is loaded for those that have.


def injection_of(plan: Plan, config: Config, journal: Journal) -> Injected | None:
    if plan.injection is None:
        return None
    from localdlc.job.injection import Injected

    return Injected(plan, plan.injection, config, os.environ, journal.learn)


def files_of(plan: Plan, config: Config, journal: Journal) -> FilesTask | None:
    files = plan.files()
    if not files:
        return None
    from localdlc.stage.files import FilesTask

    return FilesTask(config.home / "jobs" / plan.job_id, files, journal.learn)


def shared_of(plan: Plan, config: Config) -> SharedTask | None:
    folders = [mount.source for replica in plan.replicas for mount in replica.pod.shared]
    if not folders:
        return None
    from localdlc.stage.shared import SharedTask

    return SharedTask(config.home / "jobs" / plan.job_id, map(Path, folders))


def with_pods(engine: Engine, plan: Plan, post: Post) -> Engine:
    pods = {replica.pod_id: replica.pod for replica in plan.replicas if replica.pod != Pod()}
    if not pods:
        return engine
    from localdlc.run.pods import Pods

    return cast(Engine, Pods(engine, pods, plan.grace_seconds, post))


def watchers(
    plan: Plan,
    config: Config,
    engine: Engine,
    errands: Errands,
    control: Control,
    journal: Journal,
) -> list[Faults | Hangs]:
    """Who overhears the job and acts on it."""
    faults = faults_of(plan, engine, errands, control.inbox.post)
    hangs = hangs_of(plan, config, errands, control, journal)
    return [one for one in (faults, hangs) if one]


def faults_of(plan: Plan, engine: Engine, errands: Errands, post: Post) -> Faults | None:
    if not plan.faults:
        return None
    from localdlc.run.faults import Faults

    return Faults(plan, engine, errands, post)


def hangs_of(
    plan: Plan, config: Config, errands: Errands, control: Control, journal: Journal
) -> Hangs | None:
    if config.hang_timeout is None:
        return None
    from localdlc.job.hanging import hangs

    return hangs(plan, config, errands, control, journal.masked)


def admission_of(plan: Plan, config: Config, engine: Engine, sweep: Task) -> Admission | None:
    """Its turn on this machine, for a job that may have to wait for others."""
    exact = config.resources == "exact"
    if plan.pool is None and not exact:
        return None
    from localdlc.job.admission import Admission

    return Admission(engine, config.home, sweep, exact=exact, wait=not config.no_wait)


def given_gpus(
    placed: Callable[[Plan], None], journal: Journal, post: Post, plan: Plan
) -> Callable[[Plan], None]:
    """Where there are GPUs it is told and kept which replica has which."""
    if plan.pool is None:
        return placed

    def told(plan: Plan) -> None:
        from localdlc.plan.gpus import handed_out

        placed(plan)
        journal.planned(plan)
        post(Note(handed_out(plan)))

    return told


def metering_of(plan: Plan, config: Config, engine: Engine, post: Post) -> Metering | None:
    if config.metrics == "off":
        return None
    from localdlc.job.metering import Metering

    return Metering(plan, engine, config.home / "jobs" / plan.job_id, post)


def installations_of(
    plan: Plan, config: Config, engine: Engine, journal: Journal
) -> Installations | None:
    if not plan.libraries:
        return None
    from localdlc.job.libraries import Installations

    return Installations(plan, config, engine, journal.learn)


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
