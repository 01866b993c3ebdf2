"""Two things at the same moment, made to happen in the worse order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag

import pytest
from engines import as_json, job

from localdlc.config import Config
from localdlc.errors import EngineUnavailable
from localdlc.job.sweep import Swept, sweep
from localdlc.record.events import (
    ContainersKept,
    Event,
    JobCreated,
    JobFinished,
    Record,
    ReplicaStarted,
    StatusChanged,
)
from localdlc.record.store import JobLog, Store, home_digest
from localdlc.record.view import JobView
from localdlc.run.engine import ContainerSpec, Leftover
from localdlc.run.fake_engine import FakeEngine
from localdlc.service import Service

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = (
    JobCreated("job", "PyTorchJob", 1),
    StatusChanged("", "Creating"),
    StatusChanged("Creating", "EnvPreparing"),
    StatusChanged("EnvPreparing", "Running"),
)
ENDS = (
    StatusChanged("Running", "Succeeded"),
    JobFinished("Succeeded", "", "", None, 1.0),
    ContainersKept(("dlcrace-master-0",)),
)


def append(writer: JobLog, events: tuple[Event, ...], first: int) -> None:
    for seq, event in enumerate(events, first):
        writer.append(Record(seq, NOW, writer.job_id, event))


@pytest.fixture
def ends_while_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A job that runs, and ends between being listed and being asked for its lock."""
    store = Store(tmp_path)
    writer = store.open_job("dlcrace")
    append(writer, RUNS, 0)
    endings = iter([ENDS])
    ask = Store.supervised

    def end_and_ask(self: Store, job_id: str) -> bool:
        for ending in endings:
            append(writer, ending, len(RUNS))
            writer.close()
        return ask(self, job_id)

    monkeypatch.setattr(Store, "supervised", end_and_ask)
    yield
    store.close()


class Leaving(FakeEngine):
    """Has one container of the job that is racing."""

    def __init__(self, home: Path) -> None:
        super().__init__(lambda _: 0)
        labels = {"localdlc.job": "dlcrace", "localdlc.home": home_digest(home)}
        self._left = (Leftover("container", "fake-1", "dlcrace-master-0", labels),)

    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        return self._left


@pytest.mark.usefixtures("ends_while_it_is_looked_at")
def test_a_job_that_ends_during_a_sweep_keeps_its_verdict_and_its_containers(
    tmp_path: Path,
) -> None:
    assert sweep(Leaving(tmp_path), tmp_path) == []
    store = Store(tmp_path)
    assert [row.status for row in store.jobs()] == ["Succeeded"]
    store.close()


@pytest.mark.usefixtures("ends_while_it_is_looked_at")
def test_kept_containers_of_such_a_job_still_go_when_asked(tmp_path: Path) -> None:
    swept = sweep(Leaving(tmp_path), tmp_path, also_kept=True)
    assert swept == [Swept("container", "dlcrace-master-0")]


# a run


class CannotList(FakeEngine):
    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        raise EngineUnavailable("cannot list what carries our labels: too busy")


def test_a_sweep_that_fails_is_noted_and_does_not_fail_the_run(tmp_path: Path) -> None:
    service = Service(Config(home=tmp_path), CannotList(lambda _: 0))
    result = service.create_job(as_json(job("true")))
    assert result.status == "Succeeded"
    assert "could not be removed: cannot list what carries our labels: too busy" in str(
        result.view.notes
    )


class SlowHand(FakeEngine):
    """Takes its time over the worker's container."""

    def __init__(self) -> None:
        super().__init__(lambda replica: int(replica.wait_for_signal(60) is None))
        self.broken = Flag()

    def create(self, spec: ContainerSpec) -> str:
        if spec.name.endswith("worker-0"):
            self.broken.wait(10)
        return super().create(spec)


def test_a_container_created_while_a_run_breaks_down_is_removed_too(tmp_path: Path) -> None:
    engine = SlowHand()

    def break_down(record: Record, view: JobView) -> None:
        if isinstance(record.event, ReplicaStarted):
            engine.broken.set()
            raise OSError("the disk is full")

    service = Service(Config(home=tmp_path), engine)
    with pytest.raises(OSError, match="the disk is full"):
        service.create_job(as_json(job("true", {"Master": 1, "Worker": 1})), listeners=[break_down])
    assert (engine.containers, engine.networks) == ({}, {})
