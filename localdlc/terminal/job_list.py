"""``localdlc list``: a line a job."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from localdlc.record.store import JobRow
from localdlc.terminal.table import table
from localdlc.terminal.words import lasting

__all__ = ["job_table"]

TITLES = ("JOB", "NAME", "TYPE", "REPLICAS", "STATUS", "AGE", "DURATION")


def job_table(rows: Iterable[JobRow], now: datetime) -> str:
    """``AGE`` is since the job was created, ``DURATION`` from then to its end."""
    return table([TITLES, *(cells(row, now) for row in rows)])


def cells(row: JobRow, now: datetime) -> tuple[str, ...]:
    known = (row.job_id, row.display_name, row.job_type, str(row.replicas), row.status)
    try:
        created = datetime.fromisoformat(row.created)
        until = datetime.fromisoformat(row.changed) if row.ended else now
    except ValueError:  # one row that is damaged hides no other
        return (*known, "?", "?")
    spans = (now - created, until - created)
    return (*known, *(lasting(span.total_seconds()) for span in spans))
