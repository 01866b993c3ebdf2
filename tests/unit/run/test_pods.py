"""A replica's pod on the fake engine: what runs before it and beside it, and its hooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from given import JOB_ID, plan_of, request

from localdlc.config import Config
from localdlc.errors import InvalidRequest
from localdlc.job.result import Result
from localdlc.plan.pod import Rights
from localdlc.record.events import Log, Note, Record, ReplicaExited, ReplicaStarted, StatusChanged
from localdlc.run.containers import container_of
from localdlc.run.control import Control
from localdlc.run.docker_bodies import container_config
from localdlc.run.engine import Answer
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script
from localdlc.service import Service

pytestmark = pytest.mark.usefixtures("alone")
PATIENCE = 20.0
SIDE = {"Image": "side:1", "Command": ["serve"]}


class World:
    """An engine that notes what happens on it, in order."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: list[str] = []
        self.records: list[Record] = []
        self.scripts: dict[str, Script] = {}
        self.answers: dict[str, Answer] = {}
        self.specs: dict[str, Any] = {}
        self.engine = FakeEngine(self.main, errands=self.side, commands=self.command)
        self.heard: Callable[[Record], object] = lambda record: None
        self.on_command: Callable[[], object] = lambda: None
        self.control = Control()

    def main(self, replica: FakeReplica) -> int:
        return self.play("main", replica)

    def side(self, replica: FakeReplica) -> int:
        return self.play(replica.spec.labels["localdlc.errand"], replica)

    def play(self, name: str, replica: FakeReplica) -> int:
        self.said.append(f"{name} begins")
        self.specs[name] = replica.spec
        script = self.scripts.get(name)
        code = script(replica) if script else 0
        self.said.append(f"{name} ends")
        return code

    def command(self, replica: FakeReplica, command: tuple[str, ...]) -> Answer:
        self.said.append(f"executes {command[0]}")
        self.on_command()
        return self.answers.get(command[0], Answer(0, b""))

    def run(self, settings: dict[str, Any] | None = None, **pod: Any) -> Result:
        body = request({"Worker": 1}, "TFJob")
        body["JobSpecs"][0]["ExtraPodSpec"] = pod

        def listen(record: Record, _: object) -> None:
            self.records.append(record)
            self.heard(record)

        config = Config(self.home, **(settings or {}))
        service = Service(config, self.engine)
        return service.create_job(
            json.dumps(body).encode(), job_id=JOB_ID, listeners=[listen], control=self.control
        )

    def stop_at(self, kind: type[Any]) -> None:
        """The user stops the job at the first event of this kind."""

        def heard(record: Record) -> None:
            if isinstance(record.event, kind):
                self.control.stop("SIGINT")

        self.heard = heard

    def of(self, kind: type[Any]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.of(Note) if note.text.startswith(JOB_ID)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def until_told(replica: FakeReplica) -> int:
    replica.write(b"ready\n")
    assert replica.wait_for_signal(PATIENCE) == "SIGTERM"
    return 143


def says(text: bytes, code: int = 0) -> Script:
    def script(replica: FakeReplica) -> int:
        replica.write(text)
        return code

    return script


# before it


def test_init_containers_run_one_after_another_before_the_replica(world: World) -> None:
    world.scripts = {"one": says(b"first\n"), "init-1": says(b"second\n")}
    result = world.run(InitContainers=[{**SIDE, "Name": "one"}, SIDE])
    assert result.status == "Succeeded"
    assert world.said == [
        f"{name} {what}" for name in ("one", "init-1", "main") for what in ("begins", "ends")
    ]
    log = world.home / "jobs" / JOB_ID / "logs" / f"{JOB_ID}-chief-0.one.1.log"
    assert log.read_text().endswith("first\n")
    assert (world.engine.containers, world.engine.networks) == ({}, {})


def test_an_init_container_has_the_replicas_place_and_rights_of_its_own(world: World) -> None:
    world.run(
        InitContainers=[
            {
                **SIDE,
                "Args": ["--now"],
                "Env": [{"Name": "A", "Value": "b"}],
                "WorkingDir": "/w",
                "Resources": {"Limits": {"cpu": "500m", "memory": "64Mi"}},
                "SecurityContext": {"RunAsUser": 7, "Capabilities": {"Drop": ["ALL"]}},
            }
        ],
        PodLabels={"team": "a", "localdlc.job": "x"},
        PodAnnotations={"why": "so"},
        MainContainerSecurityContext={"RunAsGroup": 5},
    )
    main, side = world.specs["main"], world.specs["init-0"]
    assert (side.ip, side.network, side.hostname) == (main.ip, main.network, main.hostname)
    assert (side.command, dict(side.env), side.folder) == (("serve", "--now"), {"A": "b"}, "/w")
    assert (side.resources.cpus, side.resources.memory) == (0.5, 64 << 20)
    assert (side.user, side.rights.dropped, main.user) == ("7", ("ALL",), "0:5")
    assert (main.labels["team"], main.labels["annotation.why"]) == ("a", "so")
    assert main.labels["localdlc.job"] == JOB_ID


def test_a_failed_init_container_is_the_replicas_end(world: World) -> None:
    world.scripts["init-0"] = says(b"no data\n", 3)
    result = world.run(InitContainers=[SIDE, {**SIDE, "Name": "never"}])
    [end] = world.of(ReplicaExited)
    assert (result.status, end.exit_code, end.stopped_by_us) == ("Failed", 3, False)
    assert world.said == ["init-0 begins", "init-0 ends"]
    assert "init-0 ended with exit code 3; the main container does not run" in world.notes[0]
    assert world.of(ReplicaStarted) == []
    assert "Running" not in [change.to for change in world.of(StatusChanged)]


# beside it


def test_a_sidecar_is_stopped_at_the_end_and_does_not_count(world: World) -> None:
    up = Flag()

    def serves(replica: FakeReplica) -> int:
        replica.write(b"up\n")
        up.set()
        return until_told(replica)

    def works(replica: FakeReplica) -> int:
        assert up.wait(PATIENCE)
        return 0

    world.scripts = {"sidecar-0": serves, "main": works}
    result = world.run(SideCarContainers=[SIDE])
    assert result.status == "Succeeded"
    assert world.specs["sidecar-0"].network.startswith("container:")
    assert [log.data for log in world.of(Log) if log.pod_id.endswith(".sidecar-0")]
    assert list(result.replicas) == ["chief-0"]
    assert world.notes == []
    assert (world.engine.containers, world.engine.networks) == ({}, {})


def test_a_sidecar_that_comes_too_late_is_no_news(world: World) -> None:
    """The main container has ended before it could join its network."""
    start = world.engine.start

    def late(container_id: str) -> None:
        kind, _, main = world.engine.containers[container_id].spec.network.partition(":")
        if kind == "container":
            world.engine.wait(main)
        start(container_id)

    world.engine.start = late  # type: ignore[method-assign]
    assert world.run(SideCarContainers=[SIDE]).status == "Succeeded"
    assert (world.notes, world.said) == ([], ["main begins", "main ends"])


def test_a_sidecar_that_fails_is_told(world: World) -> None:
    told = Flag()
    world.heard = lambda record: told.set() if "sidecar-0" in str(record.event) else None
    world.scripts = {
        "sidecar-0": says(b"", 9),
        "main": lambda _: 0 if told.wait(PATIENCE) else 1,
    }
    assert world.run(SideCarContainers=[SIDE]).status == "Succeeded"
    assert "sidecar-0 ended with exit code 9; it does not count" in world.notes[0]


def test_all_containers_of_a_pod_share_its_folders(world: World) -> None:
    def writes(replica: FakeReplica) -> int:
        [mount] = replica.spec.mounts
        Path(mount.source, "handed").write_text("over")
        return 0

    def reads(replica: FakeReplica) -> int:
        [mount] = replica.spec.mounts
        assert mount.target == "/scratch"
        return 0 if Path(mount.source, "handed").read_text() == "over" else 1

    world.scripts = {"init-0": writes, "main": reads}
    result = world.run(InitContainers=[SIDE], SharedVolumeMountPaths=["/scratch"])
    assert result.status == "Succeeded"
    assert not (world.home / "jobs" / JOB_ID / "shared").exists()


# hooks


def hook(**commands: list[str]) -> dict[str, Any]:
    return {name: {"Exec": {"Command": command}} for name, command in commands.items()}


def test_pre_stop_runs_before_sigterm(world: World) -> None:
    world.scripts["main"] = until_told
    world.stop_at(Log)
    result = world.run(Lifecycle=hook(PreStop=["save", "all"]))
    assert result.status == "Stopped"
    assert world.said == ["main begins", "executes save", "main ends"]


def test_post_start_runs_after_the_start(world: World) -> None:
    hooked = Flag()
    world.scripts["main"] = lambda _: 0 if hooked.wait(PATIENCE) else 1
    world.on_command = lambda: hooked.set()
    assert world.run(Lifecycle=hook(PostStart=["warm", "up"])).status == "Succeeded"
    assert "executes warm" in world.said


def test_post_start_that_fails_kills_the_container(world: World) -> None:
    world.scripts["main"] = until_told
    world.answers["warm"] = Answer(2, b"some\nno heat\n")
    result = world.run(Lifecycle=hook(PostStart=["warm"]))
    [end] = world.of(ReplicaExited)
    assert (result.status, end.exit_code, end.stopped_by_us) == ("Failed", 137, False)
    assert "PostStart ended with exit code 2: no heat" in world.notes[0]


# stopping


def test_a_stop_reaches_an_init_container(world: World) -> None:
    world.scripts["init-0"] = until_told
    world.stop_at(Log)
    assert world.run(InitContainers=[SIDE]).status == "Stopped"
    assert world.said == ["init-0 begins", "init-0 ends"]
    [end] = world.of(ReplicaExited)
    assert (end.exit_code, end.stopped_by_us) == (143, True)


# what is not given


@pytest.mark.parametrize(
    ("rights", "path"),
    [
        ({"Privileged": True}, "Privileged"),
        ({"Capabilities": {"Add": ["NET_ADMIN", "cap_sys_admin"]}}, "Capabilities.Add[1]"),
    ],
)
def test_rights_over_the_machine_are_the_users_to_give(
    world: World, rights: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.run(MainContainerSecurityContext=rights)
    [problem] = refused.value.problems
    assert problem.path == f"JobSpecs[0].ExtraPodSpec.MainContainerSecurityContext.{path}"
    assert "--allow-privileged" in problem.message
    assert world.run(settings={"allow_privileged": True}, MainContainerSecurityContext=rights)
    assert world.specs["main"].rights.privileged is ("Privileged" in rights)


def test_the_engine_is_told_of_all_rights() -> None:
    plan = plan_of({"Worker": 1}).placed(IPv4Network("10.9.8.0/29"))
    bare = container_of(plan, plan.replicas[0], "digest", (), attempt=1)
    rights = Rights(privileged=True, added=("A",), dropped=("B",), seccomp="{}")
    config = container_config(replace(bare, rights=rights, after_entrypoint=True, folder="/w"))
    host = config["HostConfig"]
    assert (host["Privileged"], host["CapAdd"], host["CapDrop"]) == (True, ["A"], ["B"])
    assert host["SecurityOpt"] == ["seccomp={}"]
    assert (config["WorkingDir"], "Entrypoint" in config) == ("/w", False)
