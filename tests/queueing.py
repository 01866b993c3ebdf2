"""Jobs that want GPUs, run side by side on one fake engine, each by a supervisor of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import pytest
from given import planned, request

from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.errors import LocaldlcError
from localdlc.job.result import Result
from localdlc.job.wiring import run_job
from localdlc.record.events import Event, JobQueued, Log, Record, StatusChanged
from localdlc.record.view import JobView, fold
from localdlc.run.control import Control
from localdlc.run.engine import Engine

PATIENCE = 20.0


def wanting(count: int, each: int = 1, **members: Any) -> dict[str, Any]:
    """A job of so many replicas that want so many GPUs each; 0 GPUs are a job without."""
    body = request({"Worker": count}, **members)
    body["JobSpecs"][0]["ResourceConfig"] = {"CPU": "1", "Memory": "1Gi", "GPU": str(each)}
    return body


@dataclass
class Queued:
    """A job on its way, in a thread; ``error`` is what kept it from running."""

    job_id: str
    records: list[Record] = field(default_factory=list)
    control: Control = field(default_factory=Control)
    result: Result | None = None
    error: LocaldlcError | None = None
    said: Condition = field(default_factory=Condition)
    thread: Thread | None = None

    def listen(self, record: Record, view: JobView) -> None:
        with self.said:
            self.records.append(record)
            self.said.notify_all()

    def of(self, kind: type[Event]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    def until(self, what: Callable[[Event], bool]) -> Event:
        """The first event of which that holds."""
        with self.said:
            if not self.said.wait_for(lambda: any(what(r.event) for r in self.records), PATIENCE):
                pytest.fail(f"{self.job_id}: {[r.event for r in self.records]}, {self.error}")
            return next(r.event for r in self.records if what(r.event))

    def until_status(self, status: str) -> None:
        self.until(lambda event: isinstance(event, StatusChanged) and event.to == status)

    def until_it_waits_for(self, text: str) -> None:
        self.until(lambda event: isinstance(event, JobQueued) and text in event.reason)

    def ended(self) -> Queued:
        assert self.thread
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), self.records
        return self

    @property
    def statuses(self) -> str:
        return " ".join(event.to for event in self.of(StatusChanged))

    @property
    def view(self) -> JobView:
        return fold(self.records)

    @property
    def seen(self) -> set[str]:
        """The GPUs that its replicas have said they were given."""
        return {
            word
            for log in self.of(Log)
            for text in log.texts()
            for word in text.split()
            if word.startswith("GPU")
        }


@dataclass
class Machine:
    """One engine and its GPUs, and jobs of many homes on it."""

    engine: Engine
    folder: Path
    here: list[Gpu]
    jobs: dict[str, Queued] = field(default_factory=dict)

    def start(self, job_id: str, body: dict[str, Any], **settings: Any) -> Queued:
        job = self.jobs[job_id] = Queued(job_id)
        settings = {"home": self.folder / job_id, **settings}
        config = Config(**settings)
        plan = planned(body, job_id, self.here, **settings)

        def run() -> None:
            try:
                job.result = run_job(body, plan, self.engine, config, [job.listen], job.control)
            except LocaldlcError as error:
                job.error = error

        job.thread = Thread(target=run, name=job_id, daemon=True)
        job.thread.start()
        return job
