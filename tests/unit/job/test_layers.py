"""Layers on an engine that mounts overlays, and on one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from given import planned, request

from localdlc.errors import EngineUnavailable, InputError
from localdlc.job.layers import Layers
from localdlc.plan.model import Plan
from localdlc.record.events import Note
from localdlc.run.containers import container_of, hosts
from localdlc.run.engine import Overlay
from localdlc.run.errands import Errands
from localdlc.run.fake_engine import FakeEngine
from localdlc.run.inbox import Message
from localdlc.stage.layer import may_be_told


class Unable(FakeEngine):
    """It finds out when it is to mount, as engines do."""

    def start(self, container_id: str) -> None:
        spec = self.containers[container_id].spec
        if {mount.source for mount in spec.mounts} & self.volumes.keys():
            raise EngineUnavailable("no overlay on this file system")
        super().start(container_id)


class Without(FakeEngine):
    """It has no volumes of the kind."""

    def create_volume(self, name: str, overlay: Overlay, labels: Mapping[str, str]) -> None:
        raise EngineUnavailable("no overlay on this engine")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two replicas with a folder and a file to write over, and a folder to read."""
    uri = "oss://b.oss-cn-hangzhou.aliyuncs.com"
    sources = [
        {"Uri": f"{uri}/folder/", "MountPath": "/folder"},
        {"Uri": f"{uri}/file", "MountPath": "/file"},
        {"Uri": f"{uri}/only/", "MountPath": "/only", "MountAccess": "RO"},
    ]
    made = planned(request({"Master": 1, "Worker": 1}, DataSources=sources), home=tmp_path)
    cache = tmp_path / "cache"
    (cache / "folder").mkdir(parents=True)
    (cache / "folder" / "x").write_text("x")
    (cache / "file").write_text("y")
    for number, name in enumerate(["folder", "file", "folder"]):
        link = Path(made.inputs[number].source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(cache / name)
    return made


def layers_of(plan: Plan, engine: FakeEngine) -> Layers:
    return Layers(plan, engine, Errands(engine, plan.job_id, "home"), "home")


def mounted(plan: Plan, engine: FakeEngine, layers: Layers) -> list[dict[str, tuple[str, bool]]]:
    """What containers get: source and whether it is read-only, by target, a replica each."""
    plan = plan.placed(IPv4Network("10.9.0.0/29"))
    under = layers.under(engine)
    for replica in plan.replicas:
        under.create(container_of(plan, replica, "home", hosts(plan), attempt=1))
    return [
        {mount.target: (mount.source, mount.read_only) for mount in replica.spec.mounts}
        for replica in engine.containers.values()
    ]


def test_replicas_share_one_volume_over_what_was_fetched(plan: Plan, tmp_path: Path) -> None:
    engine, told = FakeEngine(lambda _: 0), list[Message]()
    layers = layers_of(plan, engine)
    layers.make(told.append)
    job = tmp_path / "jobs" / plan.job_id
    volume = f"localdlc-{plan.job_id}-0"
    expected = {
        "/folder": (volume, False),
        "/file": (str(job / "layers" / "1" / "file"), False),
        "/only": (str(job / "data" / "2"), True),
    }
    assert mounted(plan, engine, layers) == [expected, expected]
    overlay, labels = engine.volumes[volume]
    folders = (tmp_path / "cache" / "folder", job / "layers" / "0", job / "layers" / "0.work")
    lower, upper, work = map(str, folders)
    assert overlay == Overlay(lower, upper, work, may_be_told(folders[1]))
    assert labels == {"localdlc.job": plan.job_id, "localdlc.home": "home"}
    uri = "oss://b.oss-cn-hangzhou.aliyuncs.com/file"
    assert told == [
        Note(
            f"{uri}: the job writes into a copy of its own, in {job}/layers/1, as no layer lies "
            "over a single file"
        )
    ]


@pytest.mark.parametrize("kind", [Unable, Without])
def test_what_the_engine_cannot_mount_is_copied(plan: Plan, kind: type[FakeEngine]) -> None:
    engine, told = kind(lambda _: 0), list[Message]()
    layers = layers_of(plan, engine)
    layers.make(told.append)
    assert (engine.volumes, engine.containers) == ({}, {})
    folder = Path(plan.replicas[0].mounts[0].layer)
    assert mounted(plan, engine, layers)[1]["/folder"] == (str(folder), False)
    assert (folder / "x").read_text() == "x"
    assert not folder.with_name("0.work").exists()
    assert "cannot lay a writable layer over data (no overlay on this" in str(told[0])
    copied = "oss://b.oss-cn-hangzhou.aliyuncs.com/folder/: the job writes into a copy of its own"
    assert copied in str(told[1])


def test_volumes_go_but_not_while_a_container_mounts_them(plan: Plan) -> None:
    engine = FakeEngine(lambda _: 0)
    layers = layers_of(plan, engine)
    layers.make(lambda _: None)
    mounted(plan, engine, layers)
    [told] = layers.remove()
    assert "mounts it" in told
    for container in list(engine.containers):
        engine.remove(container)
    assert layers.remove() == []
    assert engine.volumes == {}


def test_layers_that_nobody_wants_any_more_are_not_made(plan: Plan) -> None:
    engine = FakeEngine(lambda _: 0)
    layers = layers_of(plan, engine)
    layers.remove()
    layers.make(lambda _: None)
    assert (layers.made, engine.volumes) == ((), {})


def test_a_copy_that_fails_leaves_no_volume_behind(plan: Plan, tmp_path: Path) -> None:
    engine = FakeEngine(lambda _: 0)
    layers = layers_of(plan, engine)
    (tmp_path / "cache" / "file").unlink()
    with pytest.raises(InputError, match="cannot be copied"):
        layers.make(lambda _: None)
    assert layers.remove() == []
    assert engine.volumes == {}


def test_a_job_that_writes_nowhere_keeps_its_engine(tmp_path: Path) -> None:
    engine = FakeEngine(lambda _: 0)
    plan = planned(request({"Master": 1}), home=tmp_path)
    assert layers_of(plan, engine).under(engine) is engine
