"""Which jobs of a home are wanted, and in which order: ListJobs (dlc-api G.4). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localdlc.record.times import stamp

__all__ = ["SORTS", "JobQuery"]

# What jobs can be sorted by, and the column or expression that it is.
SORTS = {
    "created": "created",
    "changed": "changed",
    "name": "display_name COLLATE NOCASE",
    "type": "job_type",
    "status": "status",
    "duration": (
        "julianday(CASE WHEN status IN ('Succeeded', 'Failed', 'Stopped')"
        " THEN changed ELSE 'now' END) - julianday(created)"
    ),
}


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Every condition must hold; of several statuses or types one is enough.

    ``name`` is a part of the display name, in any case. ``since`` and ``until`` bound the time of
    creation. ``labels`` are the request's ``Settings.Tags``, name and value. ``page`` counts from
    1, in pages of ``limit`` jobs.
    """

    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    sort: str = "created"
    ascending: bool = False
    limit: int | None = None
    page: int = 1

    def sql(self) -> tuple[str, tuple[Any, ...]]:
        """The end of a SELECT over ``jobs``, and the values of its question marks."""
        conditions: list[str] = []
        values: list[Any] = []
        for condition, some in self._conditions():
            conditions.append(condition)
            values += some
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        way = "ASC" if self.ascending else "DESC"
        limit = -1 if self.limit is None else self.limit
        skipped = max(limit, 0) * (self.page - 1)
        ending = f"ORDER BY {SORTS[self.sort]} {way}, created {way}, job_id LIMIT ? OFFSET ?"
        return f"{where}{ending}", (*values, limit, skipped)

    def _conditions(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for column, wanted in (("status", self.statuses), ("job_type", self.types)):
            if wanted:
                yield f"{column} IN ({', '.join('?' * len(wanted))})", wanted
        if self.name:
            yield "instr(lower(display_name), lower(?))", (self.name,)
        if self.since:
            yield "created >= ?", (stamp(self.since),)
        if self.until:
            yield "created < ?", (stamp(self.until),)
        for name, value in self.labels:
            yield "json_extract(tags, ?) = ?", (f'$."{name}"', value)
