"""One machine for all replicas that run at the same time: who is given how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.ask import cores_text, size_text

if TYPE_CHECKING:
    from localdlc.plan.model import StartAfter
    from localdlc.plan.replicas import Role

__all__ = ["Measure", "Part", "cores", "ended_before", "memory", "parts", "short", "told"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Measure:
    """What is shared out, in its unit: how much there is, and how ``show`` writes it.

    Engines give nobody less than ``least``; a part is cut down to whole ``grain``.
    """

    name: str
    total: int
    least: int
    grain: int
    show: Callable[[int], str]

    def possible(self, amount: int) -> int:
        """As near to it as one container can have."""
        return min(max(amount, self.least), self.total)


def cores(count: int) -> Measure:
    """In thousandths. An engine gives at least 1 ms of every 100."""
    return Measure("CPU", 1000 * count, 10, 1, lambda amount: cores_text(amount / 1000))


def memory(size: int) -> Measure:
    """In bytes. An engine starts nothing in less than 6 MiB."""
    return Measure("Memory", size, 6 * MIB, MIB, size_text)


@dataclass(frozen=True, slots=True)
class Part:
    """What each replica of a role asks for and is given.

    ``demand`` is the most that is asked for while it runs, by itself and all others.
    """

    role: Role
    asked: int
    given: int
    demand: int


def parts(
    measure: Measure,
    roles: Iterable[Role],
    asked: Mapping[str, int | None],
    before: Mapping[str, frozenset[str]],
) -> list[Part]:
    """The part of each role that asks for something.

    Where more is asked for than there is, everybody is given the same share of what they ask. A
    role is measured by all that may run beside it, so that together they never have more than
    there is. ``before`` is what `ended_before` says.
    """
    asking = [(role, amount) for role in roles if (amount := asked[role.type]) is not None]
    found = []
    for role, amount in asking:
        beside = (
            other.count * much
            for other, much in asking
            if other.name not in before.get(role.name, ())
            and role.name not in before.get(other.name, ())
        )
        demand = sum(beside)
        found.append(Part(role, amount, given(measure, amount, demand), demand))
    return found


def given(measure: Measure, asked: int, demand: int) -> int:
    part = asked
    if demand > measure.total:
        part = asked * measure.total // demand
        part = part // measure.grain * measure.grain or part
    return max(part, measure.least)


def ended_before(
    waits: Mapping[str, tuple[StartAfter, ...]], counts: Mapping[str, int]
) -> dict[str, frozenset[str]]:
    """By role: the roles whose replicas have all succeeded when its own start.

    ``waits`` is what each role starts after, ``counts`` how many replicas it has, both by name. Who
    waits for a role that has waited waits as long.
    """

    def ended(name: str, path: tuple[str, ...]) -> frozenset[str]:
        upstreams = [one for one in waits.get(name, ()) if one.least != 0 and one.role not in path]
        whole = {one.role for one in upstreams if one.least in {None, counts[one.role]}}
        here = frozenset(one.role for one in upstreams if one.phase == "Succeeded") & whole
        return here.union(*(ended(one.role, (*path, name)) for one in upstreams))

    return {name: ended(name, ()) for name in waits}


def short(measure: Measure, found: Iterable[Part]) -> Iterator[str]:
    """A sentence for each demand that the machine does not meet."""
    for demand, those in by_demand(found).items():
        if demand > measure.total:
            each = ", ".join(
                f"{part.role.count} {part.role.type} of {measure.show(part.asked)}"
                for part in those
            )
            yield (
                f"{measure.name}: {measure.show(demand)} are asked for at the same time "
                f"({each}), free are {measure.show(measure.total)}."
            )


def told(measure: Measure, found: Iterable[Part]) -> Iterator[str]:
    """A note for everybody who is given something else than they ask for, and why."""
    show = measure.show
    for demand, those in by_demand(found).items():
        each = ", ".join(
            f"each {part.role.type} asks for {show(part.asked)} and is given {show(part.given)}"
            for part in those
            if part.given != part.asked
        )
        if demand > measure.total:
            together = f"{show(demand)} are asked for at the same time"
            yield f"{measure.name}: {together} and this machine has {show(measure.total)}: {each}."
        elif each:
            yield f"{measure.name}: {each}, the least that an engine gives."


def by_demand(found: Iterable[Part]) -> dict[int, list[Part]]:
    groups: dict[int, list[Part]] = {}
    for part in found:
        groups.setdefault(part.demand, []).append(part)
    return groups
