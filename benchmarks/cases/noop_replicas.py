"""Replicas that do nothing (``true``): what is left is the launcher. Whole processes.

One replica is held against ``docker run --rm``, which has no network of its own to make, and
against TorchX. Sixteen are held against `benchmarks.raw_docker`, the shortest program that gives
each replica what ours gives it (its own network, a fixed address, its output from the first byte,
its exit code, and nothing left behind), all in parallel; and against TorchX, which makes no
network of a job's own, follows no output and removes nothing.
"""

from __future__ import annotations

import sys

from benchmarks import torchx
from benchmarks.case import Case, Measure, Rival, Target
from benchmarks.workbench import ROOT, Workbench, timed


def ours(replicas: int) -> Measure:
    def measure(bench: Workbench) -> float:
        return bench.localdlc("run", str(bench.request(replicas, "true"))).seconds

    return measure


def raw_docker(replicas: int) -> Measure:
    def measure(bench: Workbench) -> float:
        program = [sys.executable, "-m", "benchmarks.raw_docker"]
        return timed([*program, "noop", bench.image, str(replicas)], ROOT).seconds

    return measure


def docker_run(bench: Workbench) -> float:
    return timed(["docker", "run", "--rm", bench.image, "true"], bench.folder).seconds


def torchx_run(replicas: int) -> Measure:
    return lambda bench: torchx.run_noop(bench, replicas)


ONE = Case(
    name="one-replica",
    title="one no-op replica",
    unit="s",
    ours=ours(1),
    targets=(
        Target(2.5, Rival("`docker run --rm`", docker_run)),
        Target(1.0, Rival("TorchX local_docker", torchx_run(1))),
    ),
)

SIXTEEN = Case(
    name="sixteen-replicas",
    title="16 no-op replicas",
    unit="s",
    ours=ours(16),
    targets=(
        Target(1.2, Rival("raw docker-py, parallel", raw_docker(16))),
        Target(0.75, Rival("TorchX local_docker", torchx_run(16))),
    ),
)

SIXTY_FOUR = Case(
    name="sixty-four-replicas",
    title="64 no-op replicas",
    unit="s",
    ours=ours(64),
    targets=(Target(1.2, Rival("raw docker-py, parallel", raw_docker(64))),),
    most=3,
)
