"""Whether there is room for a job now: the plan with what it is given, or why it waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from localdlc.plan.gpus import Claim, allocate, needed, wanted
from localdlc.plan.model import Plan
from localdlc.plan.schedule import Turn, Waiting, schedule

__all__ = ["Holder", "room", "wish"]

LEFT = ", left by a localdlc that was killed (`localdlc gc` in its home sees to it)"


@dataclass(frozen=True, slots=True)
class Holder:
    """What a job holds that was admitted: GPUs (ids), thousandths of a core, bytes.

    ``home`` is told where it is another one and known. ``gone``: its localdlc was killed, and its
    containers still run.
    """

    job_id: str
    gpus: frozenset[str] = frozenset()
    shared: bool = False
    cpus: int = 0
    memory: int = 0
    home: str = ""
    gone: bool = False

    def __str__(self) -> str:
        return f"{self.job_id} of {self.home}" if self.home else self.job_id


def wish(plan: Plan, ticket: int) -> Waiting:
    """What a plan waits for."""
    shared = plan.pool is not None and plan.pool.shared
    return Waiting(
        ticket,
        plan.job_id,
        plan.priority,
        needed(wanted(plan), shared=shared),
        frozenset(gpu.uuid for gpu in plan.pool.gpus) if plan.pool else frozenset(),
        shared,
    )


def room(
    plan: Plan, ticket: int, others: Iterable[Waiting], holders: Iterable[Holder]
) -> Plan | str:
    """The plan with its GPUs, or a sentence that says what is missing and who has it."""
    mine, holders = wish(plan, ticket), tuple(holders)
    held = [uuid for one in holders if not one.shared for uuid in one.gpus]
    lent = [uuid for one in holders if one.shared for uuid in one.gpus]
    turn = schedule((*others, mine), held, lent)[ticket]
    claims = [Claim(one.gpus, one.shared) for one in holders]
    inventory = [gpu for gpu in plan.pool.gpus if gpu.uuid in turn.room] if plan.pool else []
    given = allocate(plan, inventory, claims) if turn.starts else None
    return given or "; ".join(reasons(mine, turn, holders))


def reasons(mine: Waiting, turn: Turn, holders: Iterable[Holder]) -> Iterator[str]:
    """What is missing, who holds it, and who goes before."""
    are = "GPU is" if mine.count == 1 else "GPUs are"
    yield f"{mine.count} {are} wanted and {len(turn.room)} of {len(mine.usable)} free"
    for holder in sorted(holders, key=lambda one: (one.gone, one.job_id)):
        if count := len(holder.gpus & mine.usable):
            yield f"{holder} holds {count}{LEFT if holder.gone else ''}"
    if (first := turn.behind) is not None:
        why = f"Priority {first.priority}" if first.priority != mine.priority else "it came earlier"
        yield f"{first.job_id} goes before and wants {first.count} ({why})"
