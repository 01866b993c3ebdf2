"""Libraries: what a job spends on installing three packages in four replicas, again.

The time is localdlc's for bringing them, and that of the slowest replica from its start to the
first line of its UserCommand. The first run begins with an empty cache of wheels and has this
machine's own pip configuration; what it fetches is as far away as its index is.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from typing import Any

from benchmarks.case import Case, Rival, Target
from benchmarks.workbench import Broken, Workbench

REPLICAS = 4


def first(packages: tuple[str, ...], bench: Workbench) -> float:
    """With nothing in the cache."""
    bench.localdlc("cache", "rm", "--kind", "wheels")
    seconds, cached = installed(bench, packages)
    if cached:
        raise Broken("libraries were in an empty cache")
    return seconds


def again(packages: tuple[str, ...], bench: Workbench) -> float:
    """With all of them in the cache; the first call of all fills it."""
    for _ in range(2):
        seconds, cached = installed(bench, packages)
        if cached:
            return seconds
    raise Broken("libraries did not stay in the cache")


def installed(bench: Workbench, packages: tuple[str, ...]) -> tuple[float, bool]:
    """Seconds of one job, and whether nothing had to be fetched."""
    request = bench.request(REPLICAS, "echo ready")
    listed = ["--set", f"ThirdpartyLibs={json.dumps(packages)}"]
    events = [
        json.loads(line)
        for line in bench.localdlc("run", str(request), "-o", "json", *listed).stdout.splitlines()
    ]
    (staged,) = (event for event in events if event["type"] == "InputStaged")
    started = {e["pod_id"]: moment(e) for e in events if e["type"] == "ReplicaStarted"}
    ready = {e["pod_id"]: moment(e) for e in events if e.get("text") == "ready"}
    slowest = max((ready[pod] - started[pod]).total_seconds() for pod in started)
    return float(staged["seconds"]) + slowest, bool(staged["cached"])


def moment(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def case(name: str, *packages: str) -> Case:
    return Case(
        name=name,
        title=f"{', '.join(packages[:-1])} and {packages[-1]} in {REPLICAS} replicas, again",
        unit="s",
        ours=partial(again, packages),
        targets=(Target(0.25, Rival("the first time", partial(first, packages))),),
        most=3,
    )


CASE = case("libraries", "numpy", "pandas", "requests")
SMALL = case("libraries-small", "einops", "requests", "tqdm")
