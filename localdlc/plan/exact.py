"""``--resources exact`` beside other jobs: what is asked for, what is free, and who has the rest.

Whether the machine is large enough at all is known earlier, when the plan is made. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from localdlc.errors import ResourceError
from localdlc.plan import sharing
from localdlc.plan.ask import millicores
from localdlc.plan.model import Plan, ReplicaPlan
from localdlc.plan.room import Holder
from localdlc.plan.sharing import Measure, ended_before

__all__ = ["Together", "exactly", "peak"]


@dataclass(frozen=True, slots=True)
class Together:
    """How much is asked for at the same time, and by whom: counts, Types and amounts."""

    total: int = 0
    parts: tuple[tuple[int, str, int], ...] = ()


def exactly(plan: Plan, cpus: int, memory: int, held: Iterable[Holder]) -> tuple[int, int]:
    """Thousandths of a core and bytes that a job has at most at the same time.

    Raises `ResourceError` unless they are free of the machine's ``cpus`` cores and ``memory``.
    """
    held = tuple(held)
    cores = peak(plan, lambda replica: millicores(replica.resources.cpus or 0))
    size = peak(plan, lambda replica: replica.resources.memory or 0)
    short = (
        *lacking(sharing.cores(cpus), cores, [(str(one), one.cpus) for one in held]),
        *lacking(sharing.memory(memory), size, [(str(one), one.memory) for one in held]),
    )
    if short:
        raise ResourceError(
            f"this machine has less free than the job asks for. {' '.join(short)} Ask for less, "
            "try again when they have ended, or let everybody have their share: --resources share."
        )
    return cores.total, size.total


def peak(plan: Plan, amount: Callable[[ReplicaPlan], int]) -> Together:
    """The most that those replicas ask for which may run at the same time."""
    roles: dict[str, list[ReplicaPlan]] = {}
    for replica in plan.replicas:
        roles.setdefault(replica.role, []).append(replica)
    waits = {role: those[0].start_after for role, those in roles.items()}
    before = ended_before(waits, {role: len(those) for role, those in roles.items()})

    def beside(role: str) -> Together:
        parts = tuple(
            (len(those), those[0].role_type, amount(those[0]))
            for other, those in roles.items()
            if amount(those[0]) and other not in before[role] and role not in before[other]
        )
        return Together(sum(count * much for count, _, much in parts), parts)

    return max(map(beside, roles), key=lambda found: found.total, default=Together())


def lacking(measure: Measure, asked: Together, held: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A sentence if less is free than is asked for; ``held`` are jobs and how much each has."""
    free = max(0, measure.total - sum(much for _, much in held))
    if asked.total <= free:
        return
    show = measure.show
    each = ", ".join(f"{count} {role} of {show(much)}" for count, role, much in asked.parts)
    who = ", ".join(f"{job} holds {show(much)}" for job, much in held if much)
    yield (
        f"{measure.name}: {show(asked.total)} are asked for at the same time ({each}), free are "
        f"{show(free)} of {show(measure.total)}: {who or 'nobody holds any'}."
    )
