"""Who may start now, of all that wait for GPUs of this machine. Pure.

The rule: a higher Priority goes first, then who came first, and a job starts with all its replicas
or not at all. A job that does not fit keeps every GPU that it could use from those behind it: it
would starve otherwise, while smaller ones slip past it. What it cannot use they may have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Turn", "Waiting", "schedule"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that wants ``count`` of the GPUs ``usable`` (their ids) at once.

    ``ticket`` is its place in the order of arrival, nobody else's; ``priority`` is DLC's: 9 goes
    before 1. One that is ``shared`` may have what others have who share, too.
    """

    ticket: int
    job_id: str
    priority: int
    count: int
    usable: frozenset[str]
    shared: bool = False

    @property
    def order(self) -> tuple[int, int]:
        return -self.priority, self.ticket


@dataclass(frozen=True, slots=True)
class Turn:
    """``room`` is what a job that ``starts`` may choose from, or what one that waits finds free.

    ``behind`` is who goes before: who needs what is free, else who wants any of the same.
    """

    starts: bool
    room: frozenset[str]
    behind: Waiting | None = None


def schedule(
    waiting: Iterable[Waiting], held: Iterable[str], lent: Iterable[str] = ()
) -> dict[int, Turn]:
    """The turn of each, by its ticket.

    ``held`` are the ids that nobody can be given, ``lent`` those that are for who shares only.
    Those that start may take what they like of their room in any order: who goes before still fits.
    """
    taken, lent = frozenset(held), frozenset(lent)
    kept: dict[str, Waiting] = {}
    promised: dict[str, Waiting] = {}
    turns = {}
    for job in sorted(waiting, key=lambda job: job.order):
        free = job.usable - taken if job.shared else job.usable - taken - lent
        room = free - kept.keys()
        if len(room) < job.count:
            behind = first_of(kept, free) or first_of(promised | kept, job.usable)
            turns[job.ticket] = Turn(False, free, behind)
            kept = keeping(job) | kept
            continue
        turns[job.ticket] = Turn(True, room)
        given = dict.fromkeys(sorted(room)[: job.count], job)
        promised |= given
        taken, lent = (taken, lent | given.keys()) if job.shared else (taken | given.keys(), lent)
    return turns


def keeping(job: Waiting) -> dict[str, Waiting]:
    """What it keeps from those behind it. One that can never start would keep it for ever."""
    return dict.fromkeys(job.usable, job) if job.count <= len(job.usable) else {}


def first_of(theirs: dict[str, Waiting], ids: frozenset[str]) -> Waiting | None:
    """Who is the first of those who have one of these."""
    found = {theirs[each].order: theirs[each] for each in ids if each in theirs}
    return found[min(found)] if found else None
