"""What every replica of a job is given of this machine, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localdlc.errors import ResourceError
from localdlc.plan import sharing
from localdlc.plan.ask import Ask, ask_of, millicores, size_text
from localdlc.plan.model import Resources

if TYPE_CHECKING:
    from localdlc.plan.gpus import Inventory
    from localdlc.plan.model import Plan
    from localdlc.plan.replicas import Role

__all__ = ["ULIMITS", "Host", "Shares", "shares", "within"]

MIB = 1 << 20
SMALLEST_SHM = 64 * MIB
UNLIMITED = -1
# Engines hand on their own, as little as 1024 files and 64 KiB of memory that is never swapped:
# too few for data loaders, too little for pinned buffers. memlock and stack are in bytes.
ULIMITS = {"nofile": 1 << 20, "memlock": UNLIMITED, "stack": 64 * MIB}


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: cores and bytes of memory that containers can have at most.

    ``gpus`` are looked at for jobs that ask for some. ``one_shm``: all have its own ``/dev/shm``.
    """

    cpus: int
    memory: int
    gpus: Inventory | None = None
    one_shm: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """What each replica of a role is given, by the role's Type, and a note for all that is odd.

    ``short`` has a sentence for each thing that this machine has too little of.
    """

    of: Mapping[str, Resources]
    notes: tuple[str, ...] = ()
    short: tuple[str, ...] = ()

    def exactly(self) -> Shares:
        """The same. Raises `ResourceError` when anything had to be shared out."""
        if self.short:
            raise ResourceError(
                f"this machine has less than the job asks for. {' '.join(self.short)} "
                "Ask for less, or let everybody have their share: --resources share."
            )
        return self


def shares(
    roles: Iterable[Role], host: Host, before: Mapping[str, frozenset[str]] | None = None
) -> Shares:
    """Every replica gets what it asks for, or its share where all together ask for more.

    A replica that does not say what it needs has no limit. ``before`` is what `ended_before` says.
    """
    roles, before = tuple(roles), before or {}
    asks = {role.type: ask_of(role.spec) for role in roles}
    cores, memory = sharing.cores(host.cpus), sharing.memory(host.memory)
    thousandths = {t: None if a.cpus is None else millicores(a.cpus) for t, a in asks.items()}
    of_cores = sharing.parts(cores, roles, thousandths, before)
    of_memory = sharing.parts(memory, roles, {t: a.memory for t, a in asks.items()}, before)
    cpus = {part.role.type: part.given / 1000 for part in of_cores}
    sizes = {part.role.type: part.given for part in of_memory}
    counts = {role.type: role.gpus for role in roles}
    given = {
        t: replace(resources(a, cpus.get(t), sizes.get(t), host), gpu_count=counts[t])
        for t, a in asks.items()
    }
    return Shares(
        given,
        (
            *derived(asks),
            *sharing.told(cores, of_cores),
            *sharing.told(memory, of_memory),
            *small_shm(asks, given),
        ),
        (*sharing.short(cores, of_cores), *sharing.short(memory, of_memory)),
    )


def resources(ask: Ask, cpus: float | None, memory: int | None, host: Host) -> Resources:
    """``/dev/shm`` is a part of the memory, half of it unless asked for; None is the machine's.

    The engine's own 64 MiB kill the data loaders of every framework.
    """
    room = host.memory if memory is None else memory
    shm = max(SMALLEST_SHM, room // 2) if ask.shm is None else min(ask.shm, room)
    asked = None if ask == Ask() else ask
    if host.one_shm:
        return Resources(cpus, memory, ulimits=ULIMITS, asked=asked)
    return Resources(cpus, memory, shm, ulimits=ULIMITS, asked=asked)


def derived(asks: Mapping[str, Ask]) -> Iterator[str]:
    for ask in dict.fromkeys(asks.values()):
        if ask.derived:
            yield f"{ask}, by its name; the table of instance types does not have it."


def small_shm(asks: Mapping[str, Ask], given: Mapping[str, Resources]) -> Iterator[str]:
    for role_type, ask in asks.items():
        shm = given[role_type].shm
        if ask.shm is not None and shm is None:
            yield f"SharedMemory: each {role_type} has this machine's /dev/shm, all of it."
        elif ask.shm is not None and shm is not None and shm < ask.shm:
            yield (
                f"SharedMemory: each {role_type} is given {size_text(shm)} of its "
                f"{size_text(ask.shm)}; /dev/shm is a part of its memory."
            )


def within(plan: Plan, ceilings: Mapping[str, int]) -> Plan:
    """The plan with no ulimit above what the engine's containers can have, and a note about it."""
    lower = {
        name: ceilings[name]
        for name, wanted in ULIMITS.items()
        if name in ceilings and not reaches(ceilings[name], wanted)
    }
    if not lower:
        return plan
    changed = tuple(
        replace(r, resources=replace(r.resources, ulimits={**r.resources.ulimits, **lower}))
        for r in plan.replicas
    )
    told = ", ".join(f"{name} {ulimit_text(name, limit)}" for name, limit in lower.items())
    note = f"ulimits: {told}; the engine may not give its containers more than it has itself."
    return replace(plan, replicas=changed, notes=(*plan.notes, note))


def reaches(ceiling: int, wanted: int) -> bool:
    return ceiling == UNLIMITED or (wanted != UNLIMITED and ceiling >= wanted)


def ulimit_text(name: str, limit: int) -> str:
    if limit == UNLIMITED:
        return "unlimited"
    return str(limit) if name == "nofile" else size_text(limit)
