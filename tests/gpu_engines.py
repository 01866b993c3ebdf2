"""localdlc on an engine that gives out GPUs which are not there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import docker
import pytest
from engines import BASE, CommandLine, new, ours, remove, things

from tools.gpu_engine import cards, daemon, dockerd

# A dockerd for CDI, where that on the PATH is too old for it.
CDI_DOCKERD = "LOCALDLC_TEST_CDI_DOCKERD"
CDI_SINCE = 25


class GpuLine(CommandLine):
    """``localdlc`` on an engine with GPUs."""

    def __init__(self, home: Path, folder: Path, address: str, gpus: int) -> None:
        super().__init__(home, folder)
        self.address = address
        self.gpus = gpus

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        here = {"DOCKER_HOST": self.address, "LOCALDLC_GPU_INVENTORY": cards(self.gpus)}
        return super()._environment({**here, **variables})


def with_base(client: docker.APIClient, address: str) -> None:
    """Gives it the base image out of the other engine."""
    fresh = docker.APIClient(base_url=address, version="auto")
    for _ in fresh.load_image(client.get_image(BASE)):  # type: ignore[no-untyped-call]
        pass
    fresh.close()


def allowed(program: str | None) -> str:
    """The program, where we may run it; skips or, under CI, fails where not."""
    if program:
        return program
    why = "an engine with GPUs that are not there needs dockerd, and root to start it"
    if "CI" in os.environ:
        raise RuntimeError(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def gpu_engine(docker_client: docker.APIClient) -> Iterator[str]:
    with daemon(allowed(dockerd())) as address:
        with_base(docker_client, address)
        yield address


def by_cdi(gpus: Mapping[str, Sequence[int]]) -> dict[str, object]:
    """A spec of CDI: names of GPUs and the numbers of their device files, which are no GPU's."""

    def file(name: str) -> dict[str, object]:
        return {"path": f"/dev/nvidia{name}", "type": "c", "major": 1, "minor": 3}

    devices = [
        {"name": name, "containerEdits": {"deviceNodes": [file(str(n)) for n in numbers]}}
        for name, numbers in gpus.items()
    ]
    # As nvidia-ctk has it.
    all_ = {"env": ["NVIDIA_VISIBLE_DEVICES=void"], "deviceNodes": [file("ctl")]}
    spec = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu"}
    return {**spec, "devices": devices, "containerEdits": all_}


@pytest.fixture(scope="session")
def cdi_engine(
    docker_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One that knows four GPUs by CDI; GPU-3 comes with the file of another."""
    program = os.environ.get(CDI_DOCKERD) or allowed(dockerd())
    if version(program) < CDI_SINCE:
        pytest.skip(f"{program} is too old for CDI; {CDI_DOCKERD} names another")
    specs = tmp_path_factory.mktemp("cdi")
    gpus = {"GPU-0": [0], "GPU-1": [1], "GPU-2": [2], "GPU-3": [3, 0]}
    (specs / "nvidia.json").write_text(json.dumps(by_cdi(gpus)))
    with daemon(program, {"features": {"cdi": True}, "cdi-spec-dirs": [str(specs)]}) as address:
        with_base(docker_client, address)
        yield address


def version(program: str) -> int:
    told = subprocess.run((program, "--version"), capture_output=True, text=True, check=True).stdout
    return int(re.search(r"version (\d+)", told)[1])  # type: ignore[index]


@pytest.fixture
def gpu_line(tmp_path: Path, gpu_engine: str) -> Iterator[GpuLine]:
    """``localdlc`` with four GPUs; nothing of it may be left on their engine."""
    yield from line_on(gpu_engine, tmp_path)


@pytest.fixture
def cdi_line(tmp_path: Path, cdi_engine: str) -> Iterator[GpuLine]:
    yield from line_on(cdi_engine, tmp_path)


def line_on(address: str, folder: Path) -> Iterator[GpuLine]:
    client = docker.APIClient(base_url=address, version="auto")
    before = things(client)
    line = GpuLine(folder / "home", folder, address, 4)
    yield line
    line.close()
    left = new(before, things(client))
    remove(client, ours(client, line.home, left))
    client.close()
    assert not left, f"left on the engine with GPUs: {sorted(left.values())}"
