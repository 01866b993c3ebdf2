"""localdlc for tests: requests in, outcomes out, and nothing left on the engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.config.layers import project_file
from localdlc.errors import LocaldlcError
from localdlc.job.sweep import remove
from localdlc.python_door import body, configured, tell
from localdlc.record.events import ContainersKept, Record
from localdlc.record.store import home_digest
from localdlc.record.view import JobView
from localdlc.run.control import Control
from localdlc.service import Service
from localdlc.testing.fewer import with_replicas
from localdlc.testing.interrupting import TIMEOUT, ended_in_time, killed_by_signals
from localdlc.testing.outcome import Outcome

if TYPE_CHECKING:
    from localdlc.job.journal import Listener
    from localdlc.plan.model import Plan
    from localdlc.run.engine import Engine
    from localdlc.spec.request import CreateJobRequest

__all__ = ["Client"]


@dataclass
class Heard:
    """What is known of a job from its events, also of one that was broken off."""

    view: JobView = field(default_factory=JobView)
    kept: tuple[str, ...] = ()

    def __call__(self, record: Record, view: JobView) -> None:
        self.view = view
        if isinstance(record.event, ContainersKept):
            self.kept = record.event.names


class Client:
    """Runs requests in one home, on one engine, and remembers how they ended: ``outcomes``.

    ``engine`` is called when it is first needed. ``defaults`` are the keyword arguments of every
    `run` that has no others. What neither names is configured as for the command line, but that
    localdlc.toml is looked for beside a request that is a file.
    """

    def __init__(
        self,
        home: Path,
        engine: Callable[[], Engine],
        defaults: Mapping[str, Any] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.home = home
        self.outcomes: list[Outcome] = []
        self._find_engine = engine
        self._defaults = dict(defaults or {})
        self._listeners = listeners

    @cached_property
    def engine(self) -> Engine:
        return self._find_engine()

    def plan(
        self,
        request: str | Path | Mapping[str, Any] | CreateJobRequest,
        overrides: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Plan:
        """What `run` would do, with the same arguments. Needs no engine and fetches nothing."""
        __tracebackhide__ = True
        settings = self._defaults | settings
        settings.pop("timeout", None)
        try:
            data = with_replicas(body(request), settings.pop("replicas", None))
            service = Service(self._configured(request, settings))
            return service.plan_job(data, assignments(overrides))
        except LocaldlcError as error:
            raise in_full(error) from None

    def run(
        self,
        request: str | Path | Mapping[str, Any] | CreateJobRequest,
        overrides: Mapping[str, Any] | None = None,
        *,
        on_event: Callable[[Record], object] | None = None,
        **settings: Any,
    ) -> Outcome:
        """Runs a request (a file, a dict or a `CreateJobRequest`) to its verdict.

        ``overrides`` change the request before it is read: ``{"JobSpecs[0].PodCount": 2}``.

        ``timeout``, in seconds: then the job is stopped and this raises `AssertionError`.
        ``replicas``: so many at most, or of roles so many as ``{"Worker": 2}`` says.
        Other ``settings`` are those of localdlc.toml.

        A training that fails is an outcome; raises `LocaldlcError` when it could not run at all.
        """
        __tracebackhide__ = True
        settings = self._defaults | settings
        timeout = settings.pop("timeout", None)
        heard = Heard()
        listeners: list[Listener] = [heard, *self._listeners]
        listeners += [partial(tell, on_event)] if on_event else []
        control = Control()
        try:
            data = with_replicas(body(request), settings.pop("replicas", None))
            service = Service(self._configured(request, settings), self.engine)
            sets = assignments(overrides)
            with killed_by_signals(control), ended_in_time(control, timeout):
                service.create_job(data, sets, listeners=listeners, control=control)
        except LocaldlcError as error:
            raise in_full(error) from None
        finally:
            self._remember(heard)
        if heard.view.stop_requested_by == TIMEOUT:
            late = f"{heard.view.job_id} had not ended after {timeout:g} s"
            raise AssertionError(f"{late}: it was stopped. The marker's timeout allows for more.")
        return self.outcomes[-1]

    def discard_kept(self) -> None:
        """Removes the containers that jobs of this client were asked to keep."""
        jobs = {outcome.job_id for outcome in self.outcomes if outcome.kept}
        for leftover in self.engine.leftovers(home_digest(self.home)) if jobs else ():
            if leftover.labels.get("localdlc.job") in jobs:
                remove(self.engine, leftover)

    def _configured(self, request: object, settings: Mapping[str, Any]) -> Config:
        nearest = {}
        if isinstance(request, str | Path) and "config" not in settings:
            file = project_file(None, os.environ, Path(request).absolute().parent)
            nearest = {"config": str(file)} if file.is_file() else {}
        return configured({**nearest, **settings, "home": self.home})

    def _remember(self, heard: Heard) -> None:
        job_id = heard.view.job_id
        if job_id:
            folder = self.home / "jobs" / job_id
            self.outcomes.append(Outcome(job_id, heard.view, folder, heard.kept))


def assignments(overrides: Mapping[str, Any] | None) -> list[str]:
    """``PATH=VALUE``, as ``--set`` takes it."""
    return [f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items()]


def in_full(error: LocaldlcError) -> LocaldlcError:
    """An error with all of its problems, without the way through our code."""
    for problem in (*error.problems, *error.notes):
        error.add_note(f"  {problem}")
    return error.with_traceback(None)
