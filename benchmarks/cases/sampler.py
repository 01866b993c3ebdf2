"""What it costs to look at what 16 replicas use: localdlc and the engine, while they only sleep.

Both are asked of the kernel (``schedstat``, in nanoseconds), over 20 seconds of a running job; the
engine's process is whoever listens at its socket. What the engine does unasked counts against us.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.case import Case, Target
from benchmarks.workbench import Workbench
from localdlc.run.ceilings import listener
from localdlc.run.engine_address import find_engine

REPLICAS, SECONDS = 16, 20.0
# Until all have started, and what the sampler needs is loaded.
SETTLING = 10.0


def ours(bench: Workbench) -> float:
    request = bench.request(REPLICAS, f"sleep {SETTLING + SECONDS + 5:.0f}")
    with (bench.folder / "shown.log").open("wb") as out, bench.running(request, out) as process:
        time.sleep(SETTLING)
        busy = cpu(process.pid) + engine_cpu()
        time.sleep(SECONDS)
        return 100 * (cpu(process.pid) + engine_cpu() - busy) / SECONDS


def engine_cpu() -> float:
    """Seconds that the engine's process has worked; 0 where it is not to be seen."""
    url = find_engine(os.environ).url
    pid = listener(url.removeprefix("unix://")) if url.startswith("unix://") else 0
    return cpu(pid) if pid else 0.0


def cpu(pid: int) -> float:
    """Seconds that the process's threads have worked."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        except OSError:  # it has just ended
            continue
    return nanoseconds / 1e9


CASE = Case(
    name="sampler",
    title="a core's share for sampling 16 replicas",
    unit="%",
    ours=ours,
    targets=(Target(2.0),),
    most=3,
)
