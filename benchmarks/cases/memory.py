"""The most memory that localdlc ever holds while 16 replicas write 30,000 lines each at once.

The kernel keeps the peak itself (``VmHWM``), so looking now and then misses nothing but the end.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.case import Case, Target
from benchmarks.raw_docker import writer
from benchmarks.workbench import Workbench

REPLICAS, LINES = 16, 30_000


def ours(bench: Workbench) -> float:
    request = bench.request(REPLICAS, writer(LINES))
    peak = 0
    with (
        (bench.folder / "shown.log").open("wb") as out,
        bench.running(request, out) as process,
    ):
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.02)
    return peak / 1e6


def high_water(pid: int) -> int:
    """Peak resident bytes; 0 for a process that is just ending."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


CASE = Case(
    name="memory",
    title="peak memory while 16 replicas log",
    unit="MB",
    ours=ours,
    targets=(Target(90.0),),
)
