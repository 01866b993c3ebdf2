"""Libraries: what a job spends on installing three packages in four replicas, again.

The time is localdlc's for bringing them, and that of the slowest replica from its start to the
first line of its UserCommand. The first run begins with an empty cache of wheels and has this
machine's own pip configuration; what it fetches is as far away as its index is.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from typing import Any

from benchmarks.case import Case, Rival, Target
from benchmarks.workbench import Broken, Workbench

PACKAGES = ("numpy", "pandas", "requests")
REPLICAS = 4


def first(bench: Workbench) -> float:
    """With nothing in the cache."""
    shutil.rmtree(bench.home / "cache" / "wheels", ignore_errors=True)
    return installed(bench, cached=False)


def again(bench: Workbench) -> float:
    """With all of them in the cache; the first call of all fills it."""
    if not (bench.home / "cache" / "wheels").exists():
        first(bench)
    return installed(bench, cached=True)


def installed(bench: Workbench, *, cached: bool) -> float:
    """Seconds of one job. Raises `Broken` when the cache was not what it should be."""
    request = bench.request(REPLICAS, "echo ready")
    listed = ["--set", f"ThirdpartyLibs={json.dumps(PACKAGES)}"]
    events = [
        json.loads(line)
        for line in bench.localdlc("run", str(request), "-o", "json", *listed).stdout.splitlines()
    ]
    (staged,) = (event for event in events if event["type"] == "InputStaged")
    if staged["cached"] is not cached:
        raise Broken(f"libraries were cached: {staged['cached']}")
    started = {e["pod_id"]: moment(e) for e in events if e["type"] == "ReplicaStarted"}
    ready = {e["pod_id"]: moment(e) for e in events if e.get("text") == "ready"}
    slowest = max((ready[pod] - started[pod]).total_seconds() for pod in started)
    return float(staged["seconds"]) + slowest


def moment(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


CASE = Case(
    name="libraries",
    title="numpy, pandas and requests in 4 replicas, again",
    unit="s",
    ours=again,
    targets=(Target(0.25, Rival("the first time", first)),),
    most=3,
)
