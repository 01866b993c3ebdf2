"""TorchX's local_docker scheduler, installed beside us and cleaned up after.

It has a virtual environment of its own, because it wants an older urllib3 than we have. It is
given every advantage that its options hold: the image by its id, so that it does not try to pull,
and no workspace, so that it does not build an image first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from benchmarks.workbench import ROOT, Workbench, docker, timed

__all__ = ["own_network", "run_noop"]

REQUIREMENT = "torchx==0.7.0"
VENV = ROOT / ".setup" / "bench-venv"
NETWORK = "torchx"
APP_LABEL = "torchx.pytorch.org/app-id"


def run_noop(bench: Workbench, replicas: int) -> float:
    """Seconds of the whole process. What it leaves behind is removed off the clock."""
    torchx = install()
    image = docker("image", "inspect", "--format", "{{.Id}}", bench.image)
    # Its lock file goes to the temporary folder.
    ran = timed(
        [
            *(str(torchx), "run", "--workspace", "", "--scheduler", "local_docker"),
            *("utils.sh", "--image", image, "--num_replicas", str(replicas), "true"),
        ],
        bench.folder,
        {"TMPDIR": str(bench.folder)},
    )
    remove_containers(ran.stdout.strip().rpartition("/")[2])
    return ran.seconds


@cache
def install() -> Path:
    program = VENV / "bin" / "torchx"
    if not program.exists():
        print(f"installing {REQUIREMENT} into {VENV}", file=sys.stderr)
        timed([sys.executable, "-m", "venv", "--clear", str(VENV)], ROOT)
        timed([str(VENV / "bin" / "pip"), "install", "--quiet", REQUIREMENT], ROOT)
    return program


def remove_containers(app: str) -> None:
    """Those of this one run."""
    remove(docker("ps", "--all", "--quiet", "--filter", f"label={APP_LABEL}={app}"))


def remove(containers: str) -> None:
    if containers:
        docker("rm", "--force", *containers.split())


@contextmanager
def own_network() -> Iterator[None]:
    """Afterwards TorchX's network is gone with all that is on it, unless it was there before."""
    there = network()
    try:
        yield
    finally:
        if (made := network()) and not there:
            remove(docker("ps", "--all", "--quiet", "--filter", f"network={made}"))
            docker("network", "rm", made)


def network() -> str:
    """Its id; empty when there is none."""
    return docker("network", "ls", "--quiet", "--filter", f"name=^{NETWORK}$")
