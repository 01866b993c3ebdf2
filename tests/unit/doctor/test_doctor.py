"""The doctor on the fake engine, which is well, and on ones that are not."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import click.testing
import pytest

from localdlc.cli import cli
from localdlc.config import CodeSource, Config
from localdlc.config.gpus import Gpu
from localdlc.doctor import Check, examine
from localdlc.doctor.engine import engine_checks
from localdlc.doctor.gpus import gpu_check, runtime_check
from localdlc.doctor.machine import config_checks, program_checks, room_check
from localdlc.doctor.trials import GPU_SCRIPT, LIMITS, PORT, given, ground
from localdlc.errors import EngineUnavailable
from localdlc.record.masking import Mask
from localdlc.run.engine import ContainerSpec, EngineFacts
from localdlc.run.fake_engine import FakeEngine, FakeReplica

IMAGE = "base:1"
DOCKER = EngineFacts("docker", "28.0.1", 8, 16 << 30, "unix:///s", "overlay2", "2", "/var/lib/d")
WITH_GPUS = replace(DOCKER, runtimes=("nvidia",))
GPU = Gpu(0, "GPU-a", "H100", 80 << 30)


def well(replica: FakeReplica) -> int:
    """A container of an engine that does all it is asked for."""
    spec, command = replica.spec, " ".join(replica.spec.command)
    if LIMITS in command:
        probe = Path(spec.mounts[0].source)
        replica.write(f"memory {spec.resources.memory}\n".encode())
        replica.write(f"shm shm {(spec.resources.shm or 0) // 1024} 0\n".encode())
        replica.write(f"mount {(probe / 'asked').read_text()}\n".encode())
        (probe / "answered").write_text("written\n")
    elif "bytearray" in command:
        raise MemoryError
    elif "create_server" in command:
        replica.write(b"listening\n")
        replica.wait_for_signal()
    elif str(PORT) in command:
        replica.write(b"hello\n")
    elif "nvidia-smi" in command:
        replica.write(f"GPU 0: H100 (UUID: {replica.env['NVIDIA_VISIBLE_DEVICES']})\n".encode())
    return 0


class Ward(FakeEngine):
    """Remembers how many containers it had."""

    def __init__(self, script: object = well, facts: EngineFacts = DOCKER) -> None:
        super().__init__(script, images=(IMAGE,))  # type: ignore[arg-type]
        self.facts = facts
        self.created = 0

    def describe(self) -> EngineFacts:
        return self.facts

    def create(self, spec: ContainerSpec) -> str:
        self.created += 1
        return super().create(spec)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "home", gpu_inventory=())


def examined(config: Config, engine: FakeEngine, image: str = IMAGE) -> dict[str, Check]:
    return {check.name: check for check in examine(config, {}, lambda: engine, image)}


def states(found: dict[str, Check]) -> set[str]:
    return {check.state for name, check in found.items() if name not in MACHINE}


# What the machine of the test has or has not.
MACHINE = {"git", "ssh", "git-lfs", "memory", "home", "engine's room"}


def test_an_engine_that_does_as_it_is_told_is_well(config: Config) -> None:
    engine = Ward()
    found = examined(config, engine)
    assert states(found) == {"ok"}
    tried = {"subnet", "memory limit", "shm", "mounts", "out of memory", "network", "image"}
    assert tried <= found.keys()


def test_nothing_is_left(config: Config) -> None:
    engine = Ward()
    examined(config, engine)
    assert engine.created == 4
    assert (engine.containers, engine.networks, engine.volumes) == ({}, {}, {})
    assert not config.home.exists()


def test_a_home_that_was_there_stays_as_it_was(config: Config) -> None:
    (config.home / "jobs" / "dlc1").mkdir(parents=True)
    examined(config, Ward())
    assert [path.name for path in (config.home / "jobs").iterdir()] == ["dlc1"]


def test_nothing_is_left_when_somebody_leaves_in_the_middle(config: Config) -> None:
    engine = Ward()
    checks = examine(config, {}, lambda: engine, IMAGE)
    for check in checks:
        if check.name == "shm":
            break
    assert engine.networks
    checks.close()  # type: ignore[attr-defined]
    assert (engine.containers, engine.networks) == ({}, {})
    assert not config.home.exists()


def test_each_gpu_is_given_to_a_container(config: Config) -> None:
    found = examined(replace(config, gpu_inventory=(GPU,)), Ward(facts=WITH_GPUS))
    assert found["gpu 0"] == Check(
        "gpu 0", "ok", "a container that is given 0 H100 (GPU-a) sees it alone"
    )
    assert found["gpu runtime"].state == "ok"


def test_of_a_gpu_that_was_written_down_the_engines_word_is_enough(config: Config) -> None:
    def bare(replica: FakeReplica) -> int:
        """An image without nvidia-smi, on an engine that has a hook which does nothing."""
        if GPU_SCRIPT in replica.spec.command:
            told = replica.env["NVIDIA_VISIBLE_DEVICES"]
            replica.write(f"told {told}\nsh: 1: nvidia-smi: not found\n".encode())
            return 0
        return well(replica)

    engine, own = Ward(bare), replace(config, gpu_inventory=(GPU,))
    assert examined(own, engine)["gpu 0"] == Check(
        "gpu 0", "ok", "the engine says that a container has 0 H100 (GPU-a) alone"
    )
    with ground(engine, config, IMAGE) as place:
        (observed,) = given(place, GPU, observed=True)
    assert (observed.state, "nvidia-smi: not found" in observed.says) == ("problem", True)


def test_another_vendors_gpu_is_its_device_files(config: Config) -> None:
    gpu = Gpu(0, "card0", "MI300", 0, devices=("/dev/kfd", "/dev/dri/renderD128"))

    def sees(*files: str) -> object:
        def script(replica: FakeReplica) -> int:
            if GPU_SCRIPT in replica.spec.command:
                assert replica.spec.command[-2:] == gpu.devices
                replica.write("".join(f"there {file}\n" for file in files).encode())
                return 0
            return well(replica)

        return script

    own = replace(config, gpu_inventory=(gpu,))
    found = examined(own, Ward(sees(*gpu.devices)))
    assert found["gpu 0"].state == "ok"
    assert "gpu runtime" not in found
    assert examined(own, Ward(sees("/dev/kfd")))["gpu 0"].state == "problem"


@pytest.mark.parametrize("said", [b"", b"GPU 0: H100 (UUID: GPU-other)\n", b"not found\n"])
def test_a_gpu_that_is_not_given_is_a_problem(config: Config, said: bytes) -> None:
    def blind(replica: FakeReplica) -> int:
        if "nvidia-smi" in " ".join(replica.spec.command):
            replica.write(said)
            return 0
        return well(replica)

    found = examined(replace(config, gpu_inventory=(GPU,)), Ward(blind))
    assert found["gpu 0"].state == "problem"
    assert "nvidia-container-toolkit" in found["gpu 0"].mend


def without(what: str, instead: bytes = b"", code: int = 0) -> object:
    """All is well but for containers whose command holds these words."""

    def script(replica: FakeReplica) -> int:
        if what in " ".join(replica.spec.command):
            replica.write(instead)
            return code
        return well(replica)

    return script


@pytest.mark.parametrize(
    ("script", "name", "state", "says"),
    [
        (without("bytearray", b"alive\n"), "out of memory", "problem", "took 128 MiB"),
        (without("bytearray", code=137), "out of memory", "warning", "nobody is told why"),
        (without("create_connection"), "network", "problem", "cannot reach each other: nothing"),
        (without("create_connection", b"a\nrefused\n"), "network", "problem", "other: refused"),
        (without("create_server", b"no python"), "network", "skipped", "nobody listens"),
        (without(LIMITS), "memory limit", "problem", "says: nothing"),
        (without(LIMITS, b"memory max\nshm shm 65536\n"), "shm", "problem", "says: shm 65536"),
        (without(LIMITS, b"mount \n"), "mounts", "problem", "do not see what is in them"),
        (without(LIMITS, b"mount seen\n"), "mounts", "problem", "what they write does not arrive"),
    ],
)
def test_what_does_not_work_is_told_with_its_mend(
    config: Config, script: object, name: str, state: str, says: str
) -> None:
    engine = Ward(script)
    check = examined(config, engine)[name]
    assert check.state == state
    assert says in check.says
    assert check.mend or state == "skipped"
    assert (engine.containers, engine.networks) == ({}, {})


def test_a_trial_that_breaks_does_not_keep_the_others_from_being_tried(config: Config) -> None:
    class Breaks(Ward):
        def start(self, container_id: str) -> None:
            if "bytearray" in " ".join(self.containers[container_id].spec.command):
                raise EngineUnavailable("cannot start a replica: no such runtime")
            super().start(container_id)

    engine = Breaks()
    found = examined(config, engine)
    assert found["out of memory"].state == "problem"
    assert "no such runtime" in found["out of memory"].says
    assert found["network"].state == "ok"
    assert (engine.containers, engine.networks) == ({}, {})


def test_without_an_engine_the_rest_is_told(config: Config) -> None:
    def none() -> FakeEngine:
        raise EngineUnavailable("no container engine answers. Tried:\n  unix:///s")

    found = {check.name: check for check in examine(config, {}, none, IMAGE)}
    assert found["engine"].state == "problem"
    assert found["engine"].says == "no container engine answers. Tried:"
    assert found["engine"].mend
    assert found["containers"].state == "skipped"


def test_without_the_image_containers_are_not_tried(config: Config) -> None:
    engine = Ward()
    found = examined(config, engine, "other:1")
    assert (found["image"].state, found["image"].mend) == ("warning", "localdlc image build")
    assert engine.created == 0


def test_no_free_subnet_is_a_problem(config: Config) -> None:
    engine = Ward()
    engine.create_network("all", IPv4Network("10.9.0.0/16"), {})
    subnets = (IPv4Network("10.9.1.0/24"),)
    found = examined(replace(config, subnets=subnets), engine)
    assert found["subnet"].state == "problem"
    assert "subnets =" in found["subnet"].says


# what is said of the engine and of the machine


@pytest.mark.parametrize(
    ("facts", "name", "state"),
    [
        (DOCKER, "engine", "ok"),
        (replace(DOCKER, version="20.10.24+dfsg1"), "engine", "warning"),
        (replace(DOCKER, version="20.10.27"), "engine", "ok"),
        (replace(DOCKER, storage="vfs"), "storage", "warning"),
        (replace(DOCKER, cgroups="none"), "cgroups", "warning"),
        (replace(DOCKER, cgroups="1"), "cgroups", "ok"),
    ],
)
def test_an_engine_is_judged_by_what_it_says(facts: EngineFacts, name: str, state: str) -> None:
    found = {check.name: check for check in engine_checks(facts)}
    assert found[name].state == state
    assert bool(found[name].mend) == (state != "ok")


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    file = tmp_path / "bin" / "nvidia-container-runtime-hook"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_way_of_gpus_into_containers_is_told(tmp_path: Path, hook: Path) -> None:
    runtime = replace(DOCKER, runtimes=("nvidia", "runc"))
    assert runtime_check(runtime, "").says == "the engine has NVIDIA's runtime"
    by_cdi = replace(DOCKER, cdi=(str(tmp_path),))
    told = runtime_check(by_cdi, "")
    assert (told.state, told.mend.split()[0]) == ("warning", "nvidia-ctk")
    (tmp_path / "nvidia.yaml").touch()
    assert runtime_check(by_cdi, "").state == "ok"
    assert runtime_check(DOCKER, str(hook.parent)).says == f"the engine may use {hook}"
    told = runtime_check(DOCKER, "")
    assert told.state == "warning"  # a container tells whether that is so
    assert "nvidia-container-toolkit" in told.mend


def test_a_driver_is_told_with_its_version(config: Config, tmp_path: Path) -> None:
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\n")
    gpus, told = gpu_check(replace(config, gpu_inventory=(GPU,)), driver)
    assert (gpus, told.says) == ((GPU,), "0 H100 (GPU-a), driver 550.54.15")
    gpus, told = gpu_check(config, driver)
    assert (gpus, told.state) == ((), "problem")
    assert "driver 550.54.15" in told.says
    gpus, told = gpu_check(config, tmp_path / "none")
    assert (gpus, told.state) == ((), "ok")


def test_a_gpu_that_is_named_and_not_there_is_a_problem(config: Config) -> None:
    wrong = replace(config, gpu_inventory=(GPU,), gpu_devices=("7",))
    gpus, told = gpu_check(wrong)
    assert (gpus, told.state) == ((), "problem")
    assert "no GPU 7" in told.says


def test_programs_that_are_missing_are_told_with_what_they_are_for(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\n")
    git.chmod(0o755)
    found = {check.name: check for check in program_checks(str(tmp_path))}
    assert (found["git"].state, found["git"].says) == ("ok", str(git))
    assert (found["ssh"].state, found["git-lfs"].state) == ("warning", "warning")
    assert found["git-lfs"].mend == "apt-get install git-lfs"


@pytest.mark.parametrize(
    ("free", "state"), [(1 << 29, "problem"), (1 << 32, "warning"), (1 << 40, "ok")]
)
def test_room_is_looked_at_where_the_folder_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    asked: list[Path] = []

    class Free:
        def __init__(self, path: Path) -> None:
            asked.append(path)
            self.free = free

    monkeypatch.setattr("shutil.disk_usage", Free)
    check = room_check("home", tmp_path / "not" / "yet", "make room")
    assert (check.state, asked) == (state, [tmp_path])
    assert bool(check.mend) == (state != "ok")


def test_settings_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    config = Config(
        tmp_path,
        map={"oss://b/": tmp_path, "oss://c/": tmp_path / "none"},
        code_sources={"code-1": CodeSource(folder=tmp_path / "gone")},
    )
    found = list(config_checks(config, ["LOCALDLC_KEPE has no effect"]))
    assert [check.state for check in found] == ["warning"] * 3
    assert found[0].says == "LOCALDLC_KEPE has no effect"
    assert found[1].says == f"map of oss://c/: {tmp_path / 'none'} is not there"
    assert found[2].says.startswith("code source code-1")


def test_files_that_settings_came_from_are_told(tmp_path: Path) -> None:
    origins = {"pull": "/etc/x/localdlc.toml", "keep": "default", "home": "--home"}
    (check,) = config_checks(Config(tmp_path, origins=origins), [])
    assert check == Check("config", "ok", "read from /etc/x/localdlc.toml")


# through the door


@pytest.fixture
def door(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> click.testing.CliRunner:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALDLC_HOME", str(config.home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.chdir(tmp_path)
    return click.testing.CliRunner()


def test_a_problem_is_exit_code_3_and_one_document(door: click.testing.CliRunner) -> None:
    done = door.invoke(cli, ["doctor", "-o", "json"], obj=Mask(()), standalone_mode=False)
    told = json.loads(done.output)
    assert done.return_value == 3
    assert told["ok"] is False
    checks = {check["name"]: check for check in told["checks"]}
    assert checks["engine"]["state"] == "problem"
    assert checks["engine"]["mend"].startswith("Start Docker")


def test_a_broken_configuration_is_told_and_the_rest_looked_at(
    door: click.testing.CliRunner, tmp_path: Path
) -> None:
    (tmp_path / "localdlc.toml").write_text('keep = "sometimes"\n')
    lines = door.invoke(cli, ["doctor"], obj=Mask(()), standalone_mode=False).output.splitlines()
    assert lines[0].split()[:2] == ["FAIL", "config"]
    assert "expected one of never, failed, always" in lines[0]
    assert lines[1].strip().startswith("->")
    assert any(line.split()[:2] == ["FAIL", "engine"] for line in lines)
