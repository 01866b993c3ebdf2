"""What the doors call: one method an action, named as DLC names it. A door decides nothing.

This module is light: each method loads the rooms that it needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.beside import beside
from localdlc.config import Config
from localdlc.errors import EngineUnavailable, InvalidRequest, NotEmulated, NotFound, UsageError
from localdlc.job.job_id import checked_job_id
from localdlc.service.living import Living

if TYPE_CHECKING:
    from localdlc.doctor import Check
    from localdlc.job.journal import Listener
    from localdlc.job.result import Result
    from localdlc.job.sweep import Swept
    from localdlc.plan.model import Plan
    from localdlc.plan.resources import Host
    from localdlc.record.events import Event, FidelityReport
    from localdlc.run.control import Control
    from localdlc.spec import Asked
    from localdlc.spec.fields import Row
    from localdlc.stage.caches import Cached
    from localdlc.stage.cloud import Resolved

__all__ = ["Reading", "Service"]

Reading = Callable[[], "tuple[dict[str, Any], Plan]"]
"""A request on its way: call it for the request as JSON and its plan, or for what is wrong."""


class Service(Living):
    """The jobs of one home, on one engine. The engine is connected to when it is first needed."""

    # before a job

    def validate(self, data: bytes, overrides: Sequence[str] = (), strict: bool = False) -> Asked:
        """The request, checked. Raises `InvalidRequest` with every problem.

        ``strict``: a member that the API does not know, or that has no effect here, is a problem.
        """
        from localdlc.plan.ports import unknown_ports
        from localdlc.spec import fields, read_request

        self._learn(data, overrides)
        with self.mask.guarding():
            asked = read_request(data, overrides, strict, [unknown_ports])
        if strict and (idle := fields.without_effect(asked.request)):
            raise InvalidRequest("these members would have no effect here", tuple(idle))
        return asked

    def _learn(self, data: bytes, overrides: Sequence[str]) -> None:
        """The secrets of the configuration, of this machine and of a request."""
        from localdlc.plan import secrets
        from localdlc.stage.credentials import local_secrets

        configured = secrets.secrets_of_config(self.config)
        self.mask.learn(configured | local_secrets(self.config, os.environ))
        self.mask.learn(secrets.secrets_of_request(data, overrides))

    def validate_job(
        self, data: bytes, overrides: Sequence[str] = (), strict: bool = False
    ) -> tuple[Asked, list[Row]]:
        """The request, and the rows of the fidelity table that it touches."""
        from localdlc.spec import fields

        asked = self.validate(data, overrides, strict)
        return asked, fields.report(asked.request)

    def plan_job(
        self,
        data: bytes,
        overrides: Sequence[str] = (),
        job_id: str | None = None,
        strict: bool = False,
    ) -> Plan:
        """What a run would do. Touches no engine and fetches nothing; ``resolve = cloud`` asks."""
        from localdlc.run.host import observe_host

        asked = self.validate(data, overrides, strict)
        with self.mask.guarding():
            plan = self._planned(asked, checked_job_id(job_id), observe_host())
        self.mask.learn(plan.secret_values())
        return plan

    def _planned(self, asked: Asked, job_id: str, host: Host) -> Plan:
        from localdlc.plan.build import build_plan
        from localdlc.spec import fields

        if refused := fields.refusals(asked.request):
            raise NotEmulated(
                "this request cannot be run here yet; nothing was started", tuple(refused)
            )
        config, answers = self._resolved(asked)
        plan = build_plan(asked.request, config, job_id, self._with_gpus(asked, host))
        self._guard(asked, plan)
        plan = self._debugged(plan)
        told = compared(fields.report(asked.request))
        return replace(plan, notes=(*map(str, asked.notes), *answers, *plan.notes), fidelity=told)

    def _debugged(self, plan: Plan) -> Plan:
        """The plan with debugpy in the replicas that are to be debugged."""
        if not self.config.debug_replica:
            return plan
        from importlib.util import find_spec

        from localdlc.plan.debugging import debugged

        found = find_spec("debugpy")
        if found is None or not found.submodule_search_locations:
            raise UsageError(
                "--debug-replica needs debugpy, which is not installed: "
                "pip install 'localdlc[debug]'."
            )
        folder = found.submodule_search_locations[0]
        return debugged(plan, self.config.debug_replica, self.config.home, folder)

    def _with_gpus(self, asked: Asked, host: Host) -> Host:
        """This machine with its GPUs, if the request asks for any."""
        from localdlc.plan.ask import asks_for_gpus

        if self.config.gpus == "none" or not asks_for_gpus(asked.request):
            return host
        from localdlc.run.gpus import inventory

        return replace(host, gpus=inventory(self.config))

    def _guard(self, asked: Asked, plan: Plan) -> None:
        """Raises `InvalidRequest` with all that would put this machine at a job's mercy."""
        from localdlc.plan.extras import unallowed
        from localdlc.plan.host_paths import host_paths, refused
        from localdlc.run.protected import protected_places, real

        config = self.config
        mighty = () if config.allow_privileged else tuple(unallowed(asked.request))
        if mighty:
            raise InvalidRequest("containers get no rights over this machine", mighty)
        protected = protected_places(os.environ, config.home, config.denied_host_paths)
        allowed = [real(path) for path in config.allow_host_path]
        wanted = host_paths(plan.inputs)
        found = [refused(place, real(place.path), protected, allowed) for place in wanted]
        if problems := tuple(problem for problem in found if problem):
            raise InvalidRequest("places that matter on this machine are not mounted", problems)

    def resolve_job(self, data: bytes, overrides: Sequence[str] = ()) -> Resolved:
        """What the cloud says that those ids of a request are that are not registered here."""
        from localdlc.stage.cloud import resolve

        request = self.validate(data, overrides).request
        with self.mask.guarding():
            return resolve(request, self.config, os.environ)

    def _resolved(self, asked: Asked) -> tuple[Config, tuple[str, ...]]:
        """The configuration with what the cloud knows, if it is to be asked, and what it said."""
        if self.config.resolve != "cloud" or self.config.offline:
            return self.config, ()
        from localdlc.stage.cloud import resolve

        resolved = resolve(asked.request, self.config, os.environ)
        return resolved.added_to(self.config), resolved.notes

    def build_image(
        self, file: str | None, tag: str | None, on_progress: Callable[[str], None]
    ) -> str:
        """Builds the base image; returns its id."""
        from localdlc.stage.image import BASE, build_base

        dockerfile = Path(file) if file else base_dockerfile()
        if not dockerfile.is_file():
            raise UsageError(f"there is no file {dockerfile}")
        return build_base(self.engine, dockerfile, tag or BASE, on_progress=on_progress)

    def examine(self) -> Iterator[Check]:
        """Whether this machine can run jobs, check by check; nothing is left behind."""
        from localdlc.doctor import examine
        from localdlc.stage.image import BASE

        return examine(self.config, os.environ, lambda: self.engine, BASE)

    # a job

    def read_job(
        self,
        data: bytes,
        overrides: Sequence[str] = (),
        job_id: str | None = None,
        strict: bool = False,
    ) -> Reading:
        """Begins to read and plan a request, beside what the caller does meanwhile."""
        chosen = checked_job_id(job_id)
        reading = beside(lambda: self._read(data, overrides, chosen, strict))
        self._learn(data, overrides)
        return reading

    def run_job(
        self,
        reading: Reading,
        listeners: Sequence[Listener] = (),
        control: Control | None = None,
    ) -> Result:
        """Runs what was read to its verdict, in the calling thread.

        Raises `InvalidRequest`, `NotEmulated`, `InputError`, `MachineError`; a training that fails
        is no error but a `Result`. Afterwards nothing of it is left on the engine.
        """
        from localdlc.job.wiring import run_job

        with suppress(EngineUnavailable):  # what is wrong with the request is said first
            _ = self.engine
        with self.mask.guarding():
            request, plan = reading()
            return run_job(request, plan, self.engine, self.config, listeners, control, self.mask)

    def start_job(
        self,
        data: bytes,
        overrides: Sequence[str] = (),
        job_id: str | None = None,
        strict: bool = False,
    ) -> str:
        """Hands the job to a supervisor in a process of its own; returns its id once it has begun.

        Raises what `run_job` raises before it begins; later errors are in the job's reason.
        """
        chosen = checked_job_id(job_id)
        with self.mask.guarding():
            return self._hand_over(lambda: self._read(data, overrides, chosen, strict))

    def create_job(
        self,
        data: bytes,
        overrides: Sequence[str] = (),
        job_id: str | None = None,
        listeners: Sequence[Listener] = (),
        control: Control | None = None,
    ) -> Result:
        """`read_job` and `run_job` in one, without a fork: a caller's process may hold anything."""
        chosen = checked_job_id(job_id)
        return self.run_job(lambda: self._read(data, overrides, chosen), listeners, control)

    def _read(
        self, data: bytes, overrides: Sequence[str], job_id: str, strict: bool = False
    ) -> tuple[dict[str, Any], Plan]:
        from localdlc.run.host import observe_host
        from localdlc.spec import to_json

        asked = self.validate(data, overrides, strict)
        return to_json(asked.request), self._planned(asked, job_id, observe_host())

    # after a job

    def write_back(self, name: str, emit: Callable[[Event], None]) -> None:
        """Uploads what a job that succeeded wrote over fetched data, as ``--write-back`` does.

        ``emit`` hears what goes where. Raises `InputError` when it cannot, `UsageError` for a job
        that did not succeed.
        """
        from localdlc.job.writing_back import uploads

        view, plan = self.get_job(name)
        if view.status != "Succeeded":
            raise UsageError(
                f"{view.job_id} has not succeeded ({view.status}): nothing is written back."
            )
        for upload in uploads(view.job_id, plan):
            upload(view.job_id, self.config, emit)

    # caches

    def list_cache(self) -> list[Cached]:
        """Data, clones and wheels that are kept for the next job, the latest used first."""
        from localdlc.stage.caches import cached

        return [one for one in cached(self.config.home) if not one.empty]

    def remove_cache(
        self, names: Sequence[str] = (), kinds: Sequence[str] = ()
    ) -> list[tuple[Cached, bool]]:
        """Takes these out of the cache: everything of ``kinds``, or what ``names`` name.

        A name is a key, its beginning, or a source. Returns each with whether it is gone: what a
        running job uses stays. Raises `NotFound` for a name that fits nothing.

        Wheels take the image with them in which they are installed; an engine that does not answer
        now keeps it until the next `gc`.
        """
        from localdlc.stage.caches import cached, remove

        found = cached(self.config.home)
        for name in names:
            if not any(one.named(name) for one in found):
                raise NotFound(f"the cache has no {name}; `localdlc cache list` shows what it has.")
        chosen = [
            one for one in found if one.kind in kinds or any(one.named(name) for name in names)
        ]
        ready = any((one.folder / "ready").is_dir() for one in chosen)
        removed = [(one, remove(one)) for one in chosen]
        if ready:
            from localdlc.job.sweep import sweep_images

            with suppress(EngineUnavailable):
                sweep_images(self.engine, self.config.home)
        return removed

    # cleaning

    def gc(self, *, dry_run: bool = False, kept: bool = False) -> list[Swept]:
        """Removes what supervisors of this home that are gone left on the engine; tells what.

        ``kept``: also the containers that a job was asked to keep.
        """
        from localdlc.job.sweep import sweep, sweep_images

        home = self.config.home
        swept = sweep(self.engine, home, dry_run=dry_run, also_kept=kept)
        return swept + sweep_images(self.engine, home, dry_run=dry_run)


def base_dockerfile() -> Path:
    """Beside the package in a clone, inside it when installed."""
    package = Path(__file__).parents[1]
    in_clone = package.parent / "Dockerfile.base"
    return in_clone if in_clone.is_file() else package / "Dockerfile.base"


def compared(rows: Sequence[Row]) -> FidelityReport:
    """The rows as an event."""
    from localdlc.record.events import FidelityReport

    def told(treatment: str) -> tuple[str, ...]:
        return tuple(f"{row.path}: {row.why}" for row in rows if row.treatment == treatment)

    honoured = tuple(row.path for row in rows if row.treatment == "honoured")
    return FidelityReport(honoured, told("approximated"), told("ignored"))
