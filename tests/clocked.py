"""Replicas as scripts, and a supervisor whose clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from given import short

from localdlc.config import load_config
from localdlc.plan.model import Plan
from localdlc.record.events import Event, JobFinished, Log, Record, ReplicaExited, StatusChanged
from localdlc.record.view import JobView, fold
from localdlc.run.control import Control
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script
from localdlc.run.settings import Settings
from localdlc.run.supervisor import Supervisor

PATIENCE = 20.0


def name_of(replica: FakeReplica) -> str:
    return short(replica.spec.hostname)


def by_name(**scripts: Script) -> Script:
    """A script a replica (``worker_0``); the others end well at once."""

    def run(replica: FakeReplica) -> int:
        script = scripts.get(name_of(replica).replace("-", "_"))
        return script(replica) if script else 0

    return run


def until_stopped(replica: FakeReplica) -> int:
    """What most programs do: they run until SIGTERM and then end by it."""
    assert replica.wait_for_signal(PATIENCE) == "SIGTERM"
    return 143


def deaf(replica: FakeReplica) -> int:
    """Ends by SIGKILL only."""
    replica.write(b"ready\n")
    while replica.wait_for_signal(PATIENCE):
        replica.write(b"I hear nothing\n")
    return 0


@dataclass
class Clocked:
    """A supervisor whose clock jumps ahead whenever ``jump`` says so for an event."""

    plan: Plan
    engine: FakeEngine
    jump: Callable[[Event], float]
    now: float = 0.0
    events: list[Event] = field(default_factory=list)
    control: Control = field(default_factory=Control)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.now += self.jump(event)

    def run(self, **settings: Any) -> JobFinished:
        config = load_config({}, {}, Path("/"))
        chosen = Settings("digest", config.subnets, clock=lambda: self.now, **settings)
        Supervisor(self.plan, self.engine, self.emit, chosen, self.control).run()
        finish = self.events[-1] if not settings else self._finish()
        assert isinstance(finish, JobFinished)
        return finish

    def _finish(self) -> Event:
        return next(event for event in self.events if isinstance(event, JobFinished))

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def statuses(self) -> str:
        return " ".join(event.to for event in self.of(StatusChanged))

    @property
    def view(self) -> JobView:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return fold(Record(n, start, self.plan.job_id, e) for n, e in enumerate(self.events))

    def ends(self) -> list[tuple[int, bool]]:
        return [(e.exit_code, e.stopped_by_us) for e in self.events if isinstance(e, ReplicaExited)]


def at_every_line(seconds: float) -> Callable[[Event], float]:
    return lambda event: seconds if isinstance(event, Log) else 0.0


def ready(replica: FakeReplica) -> int:
    replica.write(b"ready\n")
    return until_stopped(replica)
