"""What a killed supervisor left goes, and its job is judged; the living are left alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from given import plan_of

from localdlc.errors import EngineUnavailable
from localdlc.job.sweep import sweep, tidy
from localdlc.plan.model import Mount
from localdlc.record import events
from localdlc.record.events import Event, Record, StatusChanged
from localdlc.record.store import JobLog, Store, home_digest
from localdlc.record.view import fold
from localdlc.run.containers import container_of, hosts, network_labels
from localdlc.run.engine import Overlay
from localdlc.run.fake_engine import FakeEngine
from localdlc.stage.layer import begin, work_of
from localdlc.terminal.views import swept_text

START = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING: list[Event] = [
    events.JobCreated("job", "PyTorchJob", 1),
    StatusChanged("", "Creating"),
    StatusChanged("Creating", "EnvPreparing"),
    StatusChanged("EnvPreparing", "Running"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store(home)
    yield opened
    opened.close()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(lambda _: 0)


def left(engine: FakeEngine, home: Path, job_id: str, *mounts: Mount) -> None:
    """The container and the network of a job, as its supervisor made them."""
    subnet = IPv4Network((f"10.9.{len(engine.networks)}.0", 30))
    plan = plan_of({"Worker": 1}, job_id=job_id).placed(subnet)
    digest = home_digest(home)
    engine.create_network(plan.network.name, subnet, network_labels(plan, digest))
    spec = container_of(plan, plan.replicas[0], digest, hosts(plan), attempt=1)
    engine.create(replace(spec, mounts=mounts))


def job(store: Store, job_id: str, *more: Event) -> JobLog:
    """A job that runs, and whose lock is held."""
    log = store.open_job(job_id)
    for seq, event in enumerate([*RUNNING, *more]):
        log.append(Record(seq, START, job_id, event))
    return log


def swept(engine: FakeEngine, home: Path, **options: Any) -> list[tuple[str, str]]:
    return [(s.kind, s.name) for s in sweep(engine, home, **options)]


def test_the_keys_of_a_dead_job_go(store: Store, engine: FakeEngine, home: Path) -> None:
    job(store, "dlc1").close()
    key = home / "jobs/dlc1/files/dlc1-master-0/etc/mpi/key"
    key.parent.mkdir(parents=True)
    key.touch()
    sweep(engine, home, dry_run=True)
    assert key.exists()
    sweep(engine, home)
    assert not (home / "jobs/dlc1/files").exists()


def test_a_copy_of_a_dead_job_is_compared_once_and_its_link_goes(
    store: Store, engine: FakeEngine, home: Path, tmp_path: Path
) -> None:
    log = job(store, "dlc1")
    log.close()
    folder = log.folder
    layer, data = folder / "layers" / "0", tmp_path / "cached"
    data.mkdir()
    (data / "same").write_text("as it was")
    shutil.copytree(data, layer)  # with the times of its files
    (layer / "new").write_text("x")
    (folder / "data").mkdir()
    (folder / "data" / "0").symlink_to(data)
    tidy(folder)
    tidy(folder)
    assert [path.name for path in layer.iterdir()] == ["new"]
    assert not (folder / "data").exists()
    assert (data / "same").exists()


def test_a_dead_job_is_removed_and_judged(store: Store, engine: FakeEngine, home: Path) -> None:
    started = events.ReplicaStarted("dlc1-master-0", "u", 1, "c", "10.9.0.2")
    job(store, "dlc1", started).close()
    left(engine, home, "dlc1")
    expected = [("container", "dlc1-master-0"), ("network", "localdlc-dlc1"), ("job", "dlc1")]
    assert swept(engine, home, dry_run=True) == expected
    assert len(engine.containers) == 1
    assert swept(engine, home) == expected
    assert (engine.containers, engine.networks) == ({}, {})
    view = fold(store.records("dlc1"))
    assert (view.status, view.reason_code) == ("Failed", "SupervisorLost")
    assert view.replicas["dlc1-master-0"].status == "Unknown"
    assert swept(engine, home) == []


def test_a_volume_goes_after_what_mounts_it_and_its_layer_is_kept(
    store: Store, engine: FakeEngine, home: Path
) -> None:
    log = job(store, "dlc1")
    layer, data = log.folder / "layers" / "0", log.folder / "cached"
    data.mkdir()
    log.close()
    begin(layer, data)
    (layer / "written").write_text("x")
    labels = {"localdlc.job": "dlc1", "localdlc.home": home_digest(home)}
    overlay = Overlay(str(data), str(layer), str(work_of(layer)))
    engine.create_volume("localdlc-dlc1-0", overlay, labels)
    left(engine, home, "dlc1", Mount("localdlc-dlc1-0", "/mnt/data", False))
    assert [kind for kind, _ in swept(engine, home)] == ["container", "volume", "network", "job"]
    assert engine.volumes == {}
    assert [path.name for path in layer.parent.rglob("*")] == ["0", "written"]


def test_a_job_that_lives_is_left_alone(store: Store, engine: FakeEngine, home: Path) -> None:
    with_lock = job(store, "dlc1")
    left(engine, home, "dlc1")
    assert swept(engine, home) == []
    assert len(engine.containers) == 1
    with_lock.close()


def test_containers_that_were_to_be_kept_stay_until_asked(
    store: Store, engine: FakeEngine, home: Path
) -> None:
    kept = [
        StatusChanged("Running", "Failed"),
        events.JobFinished("Failed", "JobFailed", "", None, 1.0),
        events.ContainersKept(("dlc1-master-0",)),
    ]
    job(store, "dlc1", *kept).close()
    left(engine, home, "dlc1")
    assert swept(engine, home) == []
    assert len(swept(engine, home, also_kept=True)) == 2
    assert engine.containers == {}


def test_another_home_is_nobody_of_ours(engine: FakeEngine, home: Path, tmp_path: Path) -> None:
    left(engine, tmp_path / "other", "dlc1")
    assert swept(engine, home) == []
    assert len(engine.containers) == 1


def test_what_a_home_no_longer_knows_is_removed_too(engine: FakeEngine, home: Path) -> None:
    left(engine, home, "dlcgone")
    assert [kind for kind, _ in swept(engine, home)] == ["container", "network"]
    assert engine.containers == {}


def test_what_cannot_be_removed_is_told_and_the_rest_goes_on(
    store: Store, engine: FakeEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(container_id: str) -> None:
        raise EngineUnavailable("it is stuck")

    job(store, "dlc1").close()
    left(engine, home, "dlc1")
    monkeypatch.setattr(engine, "remove", refuse)
    assert [(s.kind, s.failure) for s in sweep(engine, home)] == [
        ("container", "it is stuck"),
        ("network", ""),
        ("job", ""),
    ]


@pytest.mark.parametrize("known", [1, 2, 3])
def test_a_job_is_judged_wherever_it_stood(
    store: Store, engine: FakeEngine, home: Path, known: int
) -> None:
    log = store.open_job("dlc1")
    for seq, event in enumerate(RUNNING[:known]):
        log.append(Record(seq, START, "dlc1", event))
    log.close()
    [done] = sweep(engine, home)
    assert swept_text(done, dry_run=False) == "marked job dlc1 as Failed"
    assert fold(store.records("dlc1")).status == "Failed"


def test_a_job_whose_replicas_were_only_held_keeps_its_verdict(
    store: Store, engine: FakeEngine, home: Path
) -> None:
    held = StatusChanged("Running", "SucceededReserving", "JobSucceeded", "It is completed.")
    job(store, "dlc1", held).close()
    (store.job_folder("dlc1") / "reserved").mkdir()
    would = [swept_text(one, dry_run=True) for one in sweep(engine, home, dry_run=True)]
    assert would == ["would mark job dlc1 as Succeeded"]
    done = [swept_text(one, dry_run=False) for one in sweep(engine, home)]
    assert done == ["marked job dlc1 as Succeeded"]
    view = fold(store.records("dlc1"))
    assert (view.status, view.reason_code) == ("Succeeded", "JobSucceeded")
    assert not (store.job_folder("dlc1") / "reserved").exists()
