"""Data from OSS: fetched by the staging of a job and by ossfs, fetched again, and mounted.

All clients verify what they get, and start with nothing. See `benchmarks.fetch` for what is on the
clock, `benchmarks.oss` for the data and the server, which has a process of its own.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.case import Case, Measure, Rival, Target
from benchmarks.oss import LARGE, SMALL, Data, served
from benchmarks.workbench import ROOT, Workbench, timed


def fetched(way: str, data: Data) -> Measure:
    """Into an empty folder, which is removed off the clock."""

    def measure(bench: Workbench) -> float:
        folder = bench.folder / "fetched"
        try:
            seconds = fetch(bench, way, data, folder)
            data.found_in(content(way, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return seconds

    return measure


def content(way: str, folder: Path) -> Path:
    return (folder / "link").resolve() if way == "localdlc" else folder


def fetched_again(data: Data) -> Measure:
    """Into a home that has it already, from the round before or from a fetch off the clock."""

    def measure(bench: Workbench) -> float:
        folder = bench.folder / f"fetched-{data.name}"
        if not folder.exists():
            fetch(bench, "localdlc", data, folder)
        seconds = fetch(bench, "localdlc", data, folder)
        data.found_in(content("localdlc", folder))
        return seconds

    return measure


def fetch(bench: Workbench, way: str, data: Data, folder: Path) -> float:
    variables = served(bench.folder / f"oss-{data.name}", data)
    program = [sys.executable, "-m", "benchmarks.fetch", way, data.uri, str(folder)]
    return float(timed(program, ROOT, variables).stdout)


def case(data: Data, title: str, bound: float) -> Case:
    rivals = (
        Rival("`ossfs` `get(recursive=True)`", fetched("ossfs", data)),
        Rival("`ossfs`, its asynchronous class", fetched("ossfs-async", data)),
    )
    return Case(
        name=f"fetch-{data.name}",
        title=title,
        unit="s",
        ours=fetched("localdlc", data),
        targets=tuple(Target(bound, rival) for rival in rivals),
        most=3,
    )


def again(data: Data, title: str) -> Case:
    return Case(
        name=f"fetch-{data.name}-again",
        title=f"{title}, second run",
        unit="s",
        ours=fetched_again(data),
        targets=(Target(0.05, Rival("the first run", fetched("localdlc", data))),),
        most=3,
    )


LARGE_TITLE, SMALL_TITLE = "1 GiB in 64 files from OSS", "20,000 small files from OSS"
CASES = (
    case(LARGE, LARGE_TITLE, 1 / 2),
    case(SMALL, SMALL_TITLE, 1 / 3),
    again(LARGE, LARGE_TITLE),
    again(SMALL, SMALL_TITLE),
)
