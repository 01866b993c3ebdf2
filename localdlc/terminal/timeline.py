"""``localdlc show --timeline``: where the time went, as a table with bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from localdlc.record.names import short
from localdlc.record.timeline import Phase
from localdlc.terminal.table import table
from localdlc.terminal.words import lasting

__all__ = ["timeline_text"]

TITLES = ("PHASE", "OF", "AFTER", "TOOK", "")
# Characters of a bar as long as the whole job.
WIDTH = 40
LONGEST_NAME = 32


def timeline_text(found: Sequence[Phase], job_id: str, start: datetime, end: datetime) -> str:
    """``AFTER`` counts from the creation of the job; a bar is a phase within the whole of it."""
    if not found:
        return "nothing has taken time yet"
    whole = max((end - start).total_seconds(), 1e-6)

    def cells(phase: Phase) -> tuple[str, ...]:
        after = max((phase.start - start).total_seconds(), 0.0)
        blank = min(int(after / whole * WIDTH), WIDTH - 1)
        length = max(round(phase.seconds / whole * WIDTH), 1)
        bar = " " * blank + "█" * min(length, WIDTH - blank)
        of = shortened(short(phase.subject, job_id))
        return (phase.name, of, precise(after), precise(phase.seconds), bar)

    return table([TITLES, *map(cells, found)])


def precise(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < 10 else lasting(seconds)


def shortened(name: str) -> str:
    """Of a long Uri the end, which says more than its beginning."""
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
