"""Sixteen replicas with a GPU each against sixteen without, on the same engine.

The engine is one of our own that gives out GPUs which are not there (`tools.gpu_engine`): what is
measured is the inventory, the turn, the device requests and the check in each replica, and not what
NVIDIA's toolkit does.
"""

from __future__ import annotations

import atexit
import json
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from functools import cache

from benchmarks.case import Case, Measure, Rival, Target
from benchmarks.workbench import Broken, Workbench
from tools.gpu_engine import cards, daemon, dockerd

REPLICAS = 16


@cache
def engine(image: str) -> str:
    """Its address, with the image on it; it ends with this process."""
    program = dockerd()
    if program is None:
        raise Broken("this needs dockerd, and root to start it")
    running = ExitStack()
    atexit.register(running.close)
    address = running.enter_context(daemon(program))
    with subprocess.Popen(("docker", "save", image), stdout=subprocess.PIPE) as saved:
        load = ("docker", "--host", address, "load", "--quiet")
        subprocess.run(load, stdin=saved.stdout, stdout=subprocess.DEVNULL, check=True)
    return address


def run(gpus: int) -> Measure:
    def measure(bench: Workbench) -> float:
        here = {"DOCKER_HOST": engine(bench.image), "LOCALDLC_GPU_INVENTORY": cards(REPLICAS)}
        own = replace(bench, variables={**bench.variables, **here})
        path = own.request(REPLICAS, "true")
        body = json.loads(path.read_text())
        body["JobSpecs"][0]["ResourceConfig"] = {"GPU": str(gpus)}
        path.write_text(json.dumps(body))
        return own.localdlc("run", str(path)).seconds

    return measure


CASE = Case(
    name="sixteen-gpus",
    title="16 no-op replicas with a GPU each",
    unit="s",
    ours=run(1),
    targets=(Target(1.1, Rival("16 without", run(0))),),
)
