"""What is known of a job that failed, gathered from its logs for `localdlc.why`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from localdlc.record.log_file import last_lines
from localdlc.record.store import attempt_of
from localdlc.record.view import JobView
from localdlc.why import Case, Tail

__all__ = ["case_of"]


def case_of(view: JobView, plan: Mapping[str, Any], logs: Mapping[str, Sequence[Path]]) -> Case:
    """``logs`` are the log files of each PodId, attempt by attempt."""
    tails = {}
    for pod_id, replica in view.replicas.items():
        files = [path for path in logs.get(pod_id, ()) if attempt_of(path) == replica.attempt]
        tails[pod_id] = tail_of(files[-1]) if files else Tail()
    return Case(view, plan, tails)


def tail_of(path: Path) -> Tail:
    lines = last_lines(path)
    texts = (line.decode("utf-8", "backslashreplace") for _, _, line in lines)
    return Tail(tuple(texts), tuple(datetime.fromisoformat(time) for time, _, _ in lines))
