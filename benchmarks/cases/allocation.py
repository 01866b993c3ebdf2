"""A job of 1,000 replicas planned and given 1,000 GPUs, and a queue of 1,000 jobs.

Without an engine, in this process. No request may have so many replicas, so none is checked.
"""

from __future__ import annotations

import time
from random import Random

from benchmarks.case import Case, Target
from benchmarks.workbench import Broken, Workbench
from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.plan.build import build_plan
from localdlc.plan.gpus import Inventory
from localdlc.plan.model import Plan
from localdlc.plan.resources import Host
from localdlc.plan.room import room
from localdlc.plan.schedule import Waiting, schedule
from localdlc.spec.request import CreateJobRequest

MANY = 1000
GPUS_OF_THE_QUEUE = 64


def gpus(count: int) -> tuple[Gpu, ...]:
    """In islands of eight that are linked, two of these to a node of processors."""
    names = [f"GPU-{n:04}" for n in range(count)]

    def links(n: int) -> tuple[str, ...]:
        island = names[n // 8 * 8 : n // 8 * 8 + 8]
        return tuple(name for name in island if name != names[n])

    return tuple(
        Gpu(n, name, "X", 80 << 30, numa=n // 16, links=links(n)) for n, name in enumerate(names)
    )


def request() -> CreateJobRequest:
    resources = {"CPU": "8", "Memory": "64Gi", "GPU": "1"}
    role = {"Type": "Worker", "PodCount": MANY, "Image": "image:1", "ResourceConfig": resources}
    body = {"DisplayName": "benchmark", "JobType": "PyTorchJob", "UserCommand": "true"}
    return CreateJobRequest.model_validate({**body, "JobSpecs": [role]})


def planned_and_allocated(bench: Workbench) -> float:
    asked = request()
    host = Host(128, 1 << 40, Inventory(gpus(MANY)))
    began = time.perf_counter()
    plan = build_plan(asked, Config(bench.home), "dlcbenchmark0001", host)
    given = room(plan, 1, (), ())
    seconds = time.perf_counter() - began
    if not isinstance(given, Plan):
        raise Broken(given)
    if len({replica.resources.gpus for replica in given.replicas}) < MANY:
        raise Broken("two replicas have one GPU")
    return seconds


def queue(bench: Workbench) -> float:
    usable = frozenset(gpu.uuid for gpu in gpus(GPUS_OF_THE_QUEUE))
    chance = Random(7)
    waiting = [
        Waiting(n, f"dlc{n}", chance.randint(1, 9), chance.randint(1, len(usable)), usable)
        for n in range(MANY)
    ]
    began = time.perf_counter()
    turns = schedule(waiting, ())
    seconds = time.perf_counter() - began
    if not any(turn.starts for turn in turns.values()):
        raise Broken("nobody starts though all GPUs are free")
    return seconds


CASE = Case(
    name="allocation",
    title="1,000 replicas planned and given 1,000 GPUs",
    unit="s",
    ours=planned_and_allocated,
    targets=(Target(5.0),),
)

QUEUE = Case(
    name="queue",
    title="the turns of 1,000 queued jobs on 64 GPUs",
    unit="ms",
    ours=lambda bench: queue(bench) * 1000,
    targets=(Target(1000.0),),
    repeats=4,
)
