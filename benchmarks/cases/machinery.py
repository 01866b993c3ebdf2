"""What localdlc itself costs in a large job: 128 replicas on an engine that takes no time."""

from __future__ import annotations

import sys

from benchmarks.case import Case, Target
from benchmarks.workbench import ROOT, Workbench, timed


def ours(bench: Workbench) -> float:
    program = [sys.executable, "-m", "benchmarks.machinery", "128", "10000"]
    return float(timed(program, ROOT).stdout)


CASE = Case(
    name="machinery",
    title="128 replicas and 10,000 events, decided and folded",
    unit="s",
    ours=ours,
    targets=(Target(1.0),),
)
