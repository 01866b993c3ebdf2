"""Engines that give out GPUs which are not there: daemons of our own, with a stub of NVIDIA's hook.

Docker takes requests for NVIDIA's GPUs when it finds that hook on its PATH as it starts, and says
to each container which it has: NVIDIA_VISIBLE_DEVICES. The stub does nothing more.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import docker
import pytest
from engines import BASE, CommandLine, new, ours, remove, things

HOOK = "nvidia-container-runtime-hook"
# A dockerd of Docker 25 or later, for CDI; the one on the PATH may be older.
CDI_DOCKERD = "LOCALDLC_TEST_CDI_DOCKERD"


def cards(count: int) -> str:
    """So many GPUs, written down."""
    listed = [
        {"index": n, "uuid": f"GPU-{n}", "name": "Tesla T4", "memory": 16 << 30}
        for n in range(count)
    ]
    return json.dumps(listed)


class GpuLine(CommandLine):
    """``localdlc`` on an engine with GPUs."""

    def __init__(self, home: Path, folder: Path, address: str, gpus: int) -> None:
        super().__init__(home, folder)
        self.address = address
        self.gpus = gpus

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        here = {"DOCKER_HOST": self.address, "LOCALDLC_GPU_INVENTORY": cards(self.gpus)}
        return super()._environment({**here, **variables})


@contextmanager
def daemon(program: str, path: str = "", *flags: str) -> Iterator[str]:
    """A dockerd beside the one that there may be, with nothing in it; yields its address."""
    folder = Path(tempfile.mkdtemp(prefix="localdlc-engine-"))  # a socket's path must be short
    address = f"unix://{folder}/docker.sock"
    own = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    places = [f"--{flag}={folder / name}" for flag, name in own.items()]
    # Whose chains of iptables there are is the other's matter.
    apart = ("--bridge=none", "--iptables=false", "--ip-masq=false", f"--host={address}")
    process = subprocess.Popen(
        (program, *places, *apart, *flags),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}:/usr/sbin:/sbin"},
        start_new_session=True,
    )
    assert process.stderr
    reader = Thread(target=process.stderr.read)
    try:
        said = list(until(process.stderr, "API listen on"))
        assert process.poll() is None, f"{program} does not start:\n{''.join(said[-20:])}"
        # What it goes on to say is nobody's, but it must be able to say it.
        reader.start()
        yield address
    finally:
        process.terminate()
        process.wait()
        if reader.ident:
            reader.join()
        process.stderr.close()
        tidy(folder)


def until(lines: Iterable[str], text: str) -> Iterator[str]:
    for line in lines:
        yield line
        if text in line:
            return


def tidy(folder: Path) -> None:
    mounts = re.findall(rf" ({re.escape(str(folder))}\S*) ", Path("/proc/mounts").read_text())
    for mount in mounts:
        subprocess.run(("umount", "--lazy", mount), check=False)
    shutil.rmtree(folder)


def with_base(client: docker.APIClient, address: str) -> None:
    """Gives it the base image out of the other engine."""
    fresh = docker.APIClient(base_url=address, version="auto")
    for _ in fresh.load_image(client.get_image(BASE)):
        pass
    fresh.close()


def dockerd(named: str = "") -> str:
    """The program, where we may run it; skips or, under CI, fails where not."""
    program = named or shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program and os.geteuid() == 0:
        return program
    why = "an engine with GPUs that are not there needs dockerd, and root to start it"
    if "CI" in os.environ:
        raise RuntimeError(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def gpu_engine(
    docker_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    program, hooks = dockerd(), tmp_path_factory.mktemp("hooks")
    (hooks / HOOK).write_text("#!/bin/sh\n")
    (hooks / HOOK).chmod(0o755)
    with daemon(program, str(hooks)) as address:
        with_base(docker_client, address)
        yield address


@pytest.fixture
def gpu_line(tmp_path: Path, gpu_engine: str) -> Iterator[GpuLine]:
    """``localdlc`` with four GPUs; nothing of it may be left on their engine."""
    client = docker.APIClient(base_url=gpu_engine, version="auto")
    before = things(client)
    line = GpuLine(tmp_path / "home", tmp_path, gpu_engine, 4)
    yield line
    line.close()
    left = new(before, things(client))
    remove(client, ours(client, line.home, left))
    client.close()
    assert not left, f"left on the engine with GPUs: {sorted(left.values())}"
