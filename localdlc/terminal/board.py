"""What a terminal shows of a job below its logs: its status, its inputs, a line a replica. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from localdlc.record.names import attempt_name
from localdlc.record.view import JobView, ReplicaView
from localdlc.terminal.words import how_it_ended, lasting

__all__ = ["Board", "fitted"]

# Lines of inputs and images that are shown at most.
MOST_PROGRESS = 5
# Lines of replicas that are shown in the smallest terminal.
FEWEST_REPLICAS = 3


@dataclass(frozen=True, slots=True)
class Board:
    """``replicas`` is how many the job has, ``progress`` text by subject, ``said`` the last line
    by PodId, ``keys`` what a key does now.
    """

    view: JobView
    replicas: int = 0
    progress: Mapping[str, str] | None = None
    said: Mapping[str, str] | None = None
    keys: str = ""

    def lines(self, now: datetime, columns: int, rows: int) -> list[str]:
        """As many as there is room for, each short enough not to be broken in two."""
        found = [self._status(now), *self._progress(), *self._replicas(now, rows)]
        found += [self.keys] if self.keys else []
        return [fitted(line, columns - 1) for line in found]

    def _status(self, now: datetime) -> str:
        view = self.view
        spans = [(span.status, (span.end or now) - span.start) for span in view.history]
        told = [f"{status} {lasting(took.total_seconds())}" for status, took in spans]
        before = f"  (before: {', '.join(told[:-1])})" if len(told) > 1 else ""
        return f"── {view.job_type} {view.job_id}: {''.join(told[-1:])}{before}"

    def _progress(self) -> Iterator[str]:
        known = list((self.progress or {}).items())
        for subject, text in known[:MOST_PROGRESS]:
            yield f"  {subject}: {text}"
        if len(known) > MOST_PROGRESS:
            yield f"  … and {len(known) - MOST_PROGRESS} more"

    def _replicas(self, now: datetime, rows: int) -> Iterator[str]:
        known = list(self.view.replicas.values())
        room = max(FEWEST_REPLICAS, rows // 3)
        shown = known if len(known) <= room else known[: room - 1]
        width = max((len(attempt_name(r, self.view.job_id)) for r in shown), default=0)
        for replica in shown:
            yield self._replica(replica, now, width)
        yield from self._others(known[len(shown) :])

    def _replica(self, replica: ReplicaView, now: datetime, width: int) -> str:
        name = attempt_name(replica, self.view.job_id)
        if replica.finished or replica.lost:
            return f"  {name:<{width}}  {how_it_ended(replica)}"
        took = f" {lasting((now - replica.started).total_seconds())}" if replica.started else ""
        said = (self.said or {}).get(replica.pod_id, "")
        return f"  {name:<{width}}  {replica.status}{took:<7}  {said}".rstrip()

    def _others(self, hidden: list[ReplicaView]) -> Iterator[str]:
        counts = Counter(replica.status for replica in hidden)
        waiting = self.replicas - len(self.view.replicas)
        if waiting > 0 and not self.view.terminal:
            counts["Pending"] += waiting
        if counts:
            told = ", ".join(f"{count} {status}" for status, count in counts.items())
            yield f"  … {told}"


def fitted(text: str, columns: int) -> str:
    """No wider than ``columns``, in which some characters take two."""
    width = 0
    for n, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > columns:
            return text[:n]
    return text
