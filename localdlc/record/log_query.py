"""Which lines of a job's logs are wanted, and what ranks wrote alike. Pure."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

__all__ = ["Folded", "Line", "LogQuery", "folded"]

# Ranks that write the same do so at about the same time. In seconds.
TOGETHER = 10.0


class Line(NamedTuple):
    """One line of one attempt of a replica, without its newline; ``time`` is ISO 8601, UTC."""

    pod_id: str
    attempt: int
    time: str
    stream: str
    text: bytes


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Every condition must hold. ``pods`` may be short, such as ``worker-0``; none means all.

    ``previous`` is the attempt before a replica's last, ``tail`` so many lines of each replica.
    """

    pods: tuple[str, ...] = ()
    attempt: int | None = None
    previous: bool = False
    since: datetime | None = None
    until: datetime | None = None
    tail: int | None = None
    grep: re.Pattern[bytes] | None = None

    def attempts(self, there: Iterable[int]) -> list[int]:
        """Of the attempts of one replica, oldest first, those that are wanted."""
        known = list(there)
        if self.attempt is not None:
            return [self.attempt] if self.attempt in known else []
        return known[-2:-1] if self.previous else known

    def chosen(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Of the lines of one replica, oldest first, those that are wanted."""
        wanted = filter(self._wants, lines)
        return wanted if self.tail is None else iter(deque(wanted, maxlen=self.tail))

    def _wants(self, line: Line) -> bool:
        if self.since or self.until:
            time = datetime.fromisoformat(line.time)
            if (self.since and time < self.since) or (self.until and time >= self.until):
                return False
        return self.grep is None or self.grep.search(line.text) is not None


@dataclass(slots=True)
class Folded:
    """One line that several replicas wrote: where the first of them did."""

    first: Line
    pods: list[str] = field(default_factory=list)


def folded(lines: Iterable[Line]) -> list[Folded]:
    """All replicas' lines in the order of time, those that are alike as one.

    A replica that writes a line again is in another fold; the nth of one belongs to the nth of the
    others.
    """
    found: list[Folded] = []
    open_folds: dict[tuple[bytes, str], list[Folded]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.time):
        alike = open_folds[line.text, line.stream]
        alike[:] = [fold for fold in alike if apart(fold.first, line) < TOGETHER]
        fold = next((fold for fold in alike if line.pod_id not in fold.pods), None)
        if fold is None:
            fold = Folded(line)
            alike.append(fold)
            found.append(fold)
        fold.pods.append(line.pod_id)
    return found


def apart(first: Line, second: Line) -> float:
    times = (datetime.fromisoformat(line.time) for line in (second, first))
    later, earlier = times
    return (later - earlier).total_seconds()
