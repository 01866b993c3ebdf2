"""What the doors call: one method an action, named as DLC names it. A door decides nothing."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.errors import JobNotSucceeded, LocaldlcError, NotEmulated, NotFound, UsageError
from localdlc.plan.build import build_plan
from localdlc.plan.model import Plan
from localdlc.plan.resources import Host
from localdlc.plan.secrets import masked_by_name
from localdlc.record.events import Event, Log, Note, Progress, Record
from localdlc.record.log_file import LogLine, read_lines
from localdlc.record.masking import Mask
from localdlc.record.store import JobLog, JobRow, Store, home_digest
from localdlc.record.view import JobView, ReplicaView, after, fold
from localdlc.run.inbox import Post
from localdlc.run.supervisor import Control, Settings, Supervisor, Task
from localdlc.stage.code import CodeTask
from localdlc.stage.data import DataTask
from localdlc.sweep import Swept, sweep

if TYPE_CHECKING:
    from localdlc.run.engine import Engine
    from localdlc.spec import Asked
    from localdlc.spec.fields import Row

__all__ = ["Listener", "Result", "Service"]

Listener = Callable[[Record, JobView], None]

JOB_ID = re.compile(r"dlc[0-9a-z]+(-[0-9a-z]+)*")
LONGEST_JOB_ID = 36
EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 5}
SIGNAL_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}


@dataclass(frozen=True)
class Result:
    """How a job ended. ``replicas`` is keyed by short names such as ``worker-0``."""

    job_id: str
    view: JobView
    folder: Path

    @property
    def status(self) -> str:
        return self.view.status

    @property
    def exit_code(self) -> int:
        """The contract's exit code for this end."""
        if self.status == "Stopped":
            return SIGNAL_CODES.get(self.view.stop_requested_by or "", EXIT_CODES["Stopped"])
        return EXIT_CODES[self.status]

    @property
    def replicas(self) -> dict[str, ReplicaView]:
        return {
            pod.removeprefix(f"{self.job_id}-"): replica
            for pod, replica in self.view.replicas.items()
        }

    def logs(self, replica: str) -> list[str]:
        """All lines of one replica's latest attempt."""
        known = self.replicas[replica]
        path = self.folder / "logs" / f"{known.pod_id}.{known.attempt}.log"
        if not path.exists():
            return []
        return [text.decode("utf-8", "backslashreplace") for _, _, text in read_lines(path)]

    def raise_for_status(self) -> None:
        if self.status != "Succeeded":
            raise JobNotSucceeded(f"{self.job_id} ended {self.status}: {self.view.reason_message}")


class Service:
    """The jobs of one home, on one engine. The engine is connected to when it is first needed."""

    def __init__(self, config: Config, engine: Engine | None = None) -> None:
        self.config = config
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """Raises `EngineUnavailable` when none answers."""
        if self._engine is None:
            from localdlc.run.docker_engine import connect

            self._engine = connect(os.environ)
        return self._engine

    # before a job

    def validate(self, data: bytes, overrides: Sequence[str] = (), strict: bool = False) -> Asked:
        """The request, checked. Raises `InvalidRequest` with every problem."""
        from localdlc.spec import read_request

        return read_request(data, overrides, strict)

    def validate_job(
        self, data: bytes, overrides: Sequence[str] = (), strict: bool = False
    ) -> tuple[Asked, list[Row]]:
        """The request, and the rows of the fidelity table that it touches."""
        from localdlc.spec import fields

        asked = self.validate(data, overrides, strict)
        return asked, fields.report(asked.request)

    def plan_job(
        self, data: bytes, overrides: Sequence[str] = (), job_id: str | None = None
    ) -> Plan:
        """What a run would do. Touches no engine and fetches nothing."""
        from localdlc.run.host import observe_host

        return self._planned(self.validate(data, overrides), job_id, observe_host())

    def _planned(self, asked: Asked, job_id: str | None, host: Host) -> Plan:
        from localdlc.spec import fields

        if refused := fields.refusals(asked.request):
            raise NotEmulated(
                "this request cannot be run here yet; nothing was started", tuple(refused)
            )
        plan = build_plan(asked.request, self.config, checked_job_id(job_id), host)
        said = (*map(str, asked.notes), *differences(fields.report(asked.request)))
        return replace(plan, notes=(*said, *plan.notes))

    def build_image(
        self, file: str | None, tag: str | None, on_progress: Callable[[str], None]
    ) -> str:
        """Builds the base image; returns its id."""
        from localdlc.stage.image import BASE, build_base

        dockerfile = Path(file) if file else base_dockerfile()
        if not dockerfile.is_file():
            raise UsageError(f"there is no file {dockerfile}")
        return build_base(self.engine, dockerfile, tag or BASE, on_progress=on_progress)

    # a job

    def create_job(
        self,
        data: bytes,
        overrides: Sequence[str] = (),
        job_id: str | None = None,
        listeners: Sequence[Listener] = (),
        control: Control | None = None,
    ) -> Result:
        """Runs the request to its verdict, in the calling thread.

        Raises `InvalidRequest`, `NotEmulated`, `InputError`, `MachineError`; a training that fails
        is no error but a `Result`. Afterwards nothing of it is left on the engine.
        """
        from localdlc.run.host import observe_host
        from localdlc.spec import to_json

        asked = self.validate(data, overrides)
        plan = self._planned(asked, job_id, observe_host())
        engine = self.engine
        mask = Mask(plan.secret_values())
        store = Store(self.config.home)
        writer = store.open_job(plan.job_id)
        journal = Journal(plan.job_id, writer, mask, listeners)
        try:
            writer.write_document("request.json", masked_request(to_json(asked.request), mask))
            writer.write_document("plan.json", mask.value(plan.to_json()))
            self._supervise(plan, engine, journal, control)
        finally:
            writer.close()
            store.close()
        return Result(plan.job_id, journal.view, writer.folder)

    def _supervise(
        self, plan: Plan, engine: Engine, journal: Journal, control: Control | None
    ) -> None:
        home = home_digest(self.config.home)
        data = {f"data {i.target}": DataTask(i) for i in plan.inputs if i.kind == "data"}
        code = {f"code {i.target}": CodeTask(i) for i in plan.inputs if i.kind == "code"}
        tasks: dict[str, Task] = {
            **data,
            **code,
            "sweep": lambda post: self._sweep(plan.job_id, post),
        }
        settings = Settings(home, self.config.subnets, self._pull, self.config.keep)
        try:
            Supervisor(plan, engine, journal, settings, control, tasks).run()
        finally:
            for task in code.values():
                task.cancel()
                if kept := task.leave():
                    journal.note(f"the job wrote into its code folder; it is kept at {kept}")

    @property
    def _pull(self) -> str:
        return "never" if self.config.offline else self.config.pull

    # looking

    def list_jobs(self, limit: int | None = None) -> list[JobRow]:
        """Newest first."""
        store = Store(self.config.home)
        try:
            return store.jobs(limit)
        finally:
            store.close()

    def get_job(self, name: str) -> tuple[JobView, dict[str, Any]]:
        """A job's view and its stored plan. ``name`` is an id, a unique prefix, or ``last``."""
        store = Store(self.config.home)
        try:
            job_id = store.find(name)
            return fold(store.records(job_id)), store.read_plan(job_id)
        finally:
            store.close()

    def get_job_events(self, name: str) -> list[Record]:
        store = Store(self.config.home)
        try:
            return store.records(store.find(name))
        finally:
            store.close()

    def get_pod_logs(self, name: str, pod: str | None = None) -> Iterator[tuple[str, LogLine]]:
        """PodId and line, replica by replica; ``pod`` may be short, such as ``worker-0``."""
        store = Store(self.config.home)
        try:
            job_id = store.find(name)
            files = store.log_files(job_id)
        finally:
            store.close()
        for pod_id in chosen_pods(job_id, pod, files):
            for path in files[pod_id]:
                for line in read_lines(path):
                    yield pod_id, line

    # cleaning

    def gc(self, *, dry_run: bool = False, kept: bool = False) -> list[Swept]:
        """Removes what supervisors of this home that are gone left on the engine; tells what.

        ``kept``: also the containers that a job was asked to keep.
        """
        return sweep(self.engine, self.config.home, dry_run=dry_run, also_kept=kept)

    def _sweep(self, except_job: str, post: Post) -> None:
        """What the next run does in passing; a run does not fail for it."""
        try:
            sweep(self.engine, self.config.home, except_job=except_job)
        except LocaldlcError as error:
            post(Note(f"what killed runs left could not be removed: {error}"))


class Journal:
    """Where events go: stamped, masked, stored, folded, shown. Called on one thread only."""

    def __init__(
        self,
        job_id: str,
        writer: JobLog,
        mask: Mask,
        listeners: Sequence[Listener],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seq: int = 0,
    ) -> None:
        self.view = JobView()
        self._job_id = job_id
        self._writer = writer
        self._mask = mask
        self._listeners = listeners
        self._clock = clock
        self._seq = seq

    def __call__(self, event: Event) -> None:
        event = self._mask.event(event)
        record = Record(self._seq, self._clock(), self._job_id, event)
        self._seq += event.count if isinstance(event, Log) else 1
        if not isinstance(event, Progress):
            self._writer.append(record)
        self.view = after(self.view, record)
        for listener in self._listeners:
            listener(record, self.view)

    def note(self, text: str) -> None:
        self(Note(text))


def base_dockerfile() -> Path:
    """Beside the package in a clone, inside it when installed."""
    package = Path(__file__).parent
    beside = package.parent / "Dockerfile.base"
    return beside if beside.is_file() else package / "Dockerfile.base"


def fresh_job_id() -> str:
    """``dlc`` and 13 of ``[0-9a-z]``, like the cloud's."""
    letters = string.digits + string.ascii_lowercase
    return "dlc" + "".join(secrets.choice(letters) for _ in range(13))


def checked_job_id(job_id: str | None) -> str:
    if job_id is None:
        return fresh_job_id()
    if not JOB_ID.fullmatch(job_id) or len(job_id) > LONGEST_JOB_ID:
        raise UsageError(
            f"{job_id!r} is no JobId: `dlc`, then digits and lower-case letters, such as "
            f"{fresh_job_id()}."
        )
    return job_id


def differences(rows: Sequence[Row]) -> list[str]:
    """What of the request is different here than in the cloud, in a line for each kind."""
    named = {"approximated": "approximated here", "ignored": "without effect here"}
    return [
        f"{words}: {', '.join(paths)}; `localdlc validate` says why."
        for treatment, words in named.items()
        if (paths := [row.path for row in rows if row.treatment == treatment])
    ]


def masked_request(request: dict[str, Any], mask: Mask) -> Any:
    """The request as it is stored: secrets masked by value, and by name where they are short."""
    return mask.value(masked_by_name(request))


def chosen_pods(job_id: str, pod: str | None, files: Mapping[str, list[Path]]) -> list[str]:
    if pod is None:
        return list(files)
    for name in (pod, f"{job_id}-{pod}"):
        if name in files:
            return [name]
    known = ", ".join(name.removeprefix(f"{job_id}-") for name in files) or "none yet"
    raise NotFound(f"{job_id} has no log of {pod}; there are: {known}.")
