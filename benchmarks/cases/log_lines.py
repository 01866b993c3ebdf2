"""300,000 lines of 85 bytes from one replica, shown and stored by localdlc.

Against docker-py's ``logs(stream=True, follow=True)`` that counts lines and does nothing else.
Lines per second, on both sides from the moment the engine says that the container has started to
the last line: ours is there when the last write to the shown output and to the stored log is.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.case import Case, Rival, Target
from benchmarks.raw_docker import LINES, writer
from benchmarks.workbench import ROOT, Broken, Workbench, timed


def ours(bench: Workbench) -> float:
    shown = bench.folder / "shown.log"
    with shown.open("wb") as out, bench.running(bench.request(1, writer(LINES)), out):
        pass
    stored = next(newest_job(bench.home).glob("logs/*.log"))
    for path in (shown, stored):
        if (found := count_lines(path)) != LINES:
            raise Broken(f"{path.name} has {found} lines, not {LINES}")
    last = max(path.stat().st_mtime for path in (shown, stored))
    return LINES / (last - started(bench))


def newest_job(home: Path) -> Path:
    return max((home / "jobs").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def started(bench: Workbench) -> float:
    view = json.loads(bench.localdlc("show", "last", "-o", "json").stdout)
    (replica,) = view["Localdlc"]["replicas"].values()
    return datetime.fromisoformat(replica["started"]).timestamp()


def docker_logs(bench: Workbench) -> float:
    program = [sys.executable, "-m", "benchmarks.raw_docker"]
    return float(timed([*program, "lines", bench.image, str(LINES)], ROOT).stdout)


CASE = Case(
    name="log-lines",
    title="300,000 log lines, shown and stored",
    unit="lines/s",
    ours=ours,
    targets=(Target(2.5, Rival("docker-py `logs(follow)`, read alone", docker_logs), True),),
)
