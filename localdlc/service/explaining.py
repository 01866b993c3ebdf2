"""What is known of a job that failed, gathered from its logs for `localdlc.why`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from localdlc.record.log_file import attempt_of, last_lines
from localdlc.record.view import JobView
from localdlc.why import Case, Tail

__all__ = ["case_of"]

# Names of one folder that are read.
MOST = 10_000


def case_of(view: JobView, plan: Mapping[str, Any], logs: Mapping[str, Sequence[Path]]) -> Case:
    """``logs`` are the log files of each PodId, attempt by attempt."""
    tails = {}
    for pod_id, replica in view.replicas.items():
        files = [path for path in logs.get(pod_id, ()) if attempt_of(path) == replica.attempt]
        tails[pod_id] = tail_of(files[-1]) if files else Tail()
    return Case(view, plan, tails, lister(plan))


def lister(plan: Mapping[str, Any]) -> Callable[[str], list[str] | None]:
    """Looks into the folders of this machine that the job's replicas have mounted."""
    mounts = {m["target"]: m["source"] for each in plan["replicas"] for m in each["mounts"]}

    def listed(path: str) -> list[str] | None:
        folder = PurePosixPath(path)
        for target in sorted(mounts, key=len, reverse=True):
            if folder.is_relative_to(target):
                return names(Path(mounts[target], folder.relative_to(target)))
        return None

    return listed


def names(folder: Path) -> list[str] | None:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, MOST)]
    except OSError:  # not there, no folder, or fetched data that was given back
        return None


def tail_of(path: Path) -> Tail:
    lines = last_lines(path)
    texts = (line.decode("utf-8", "backslashreplace") for _, _, line in lines)
    return Tail(tuple(texts), tuple(datetime.fromisoformat(time) for time, _, _ in lines))
