"""From the last act of the last process to the arrival of the verdict.

The replica writes the time and is gone in the same instant; between that and our line the engine
notices the end, we ask for the exit code, decide and print.
"""

from __future__ import annotations

import subprocess
import time

from benchmarks.case import Case, Target
from benchmarks.workbench import Broken, Workbench

LAST_ACT = "python3 -c 'import os, time; os.write(1, b\"%.6f\\n\" % time.time()); os._exit(0)'"


def ours(bench: Workbench) -> float:
    shown = bench.folder / "shown.log"
    with (
        shown.open("wb") as out,
        bench.running(bench.request(1, LAST_ACT), out, subprocess.PIPE) as process,
    ):
        arrived = arrival(process)
    ended = float(shown.read_text().rpartition("|")[2])
    return (arrived - ended) * 1000


def arrival(process: subprocess.Popen[bytes]) -> float:
    """When the verdict came, as seconds since the epoch."""
    for line in process.stderr or ():
        if line.startswith(b"Succeeded"):
            return time.time()
    raise Broken("localdlc ended without a verdict of Succeeded")


CASE = Case(
    name="verdict",
    title="verdict after the last process ended",
    unit="ms",
    ours=ours,
    targets=(Target(150.0),),
)
