"""Which GPUs of this machine each replica is given: its own, and neighbours together. Pure.

A plan says how many each replica is to have (``Resources.gpu_count``) and of which (`Pool`); which
these are is chosen when the job is admitted, by what others hold then (`Claim`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from localdlc.config.gpus import Gpu

if TYPE_CHECKING:
    from localdlc.plan.model import Plan, ReplicaPlan

__all__ = [
    "EXPECTED",
    "Claim",
    "Gpu",
    "Inventory",
    "Pool",
    "allocate",
    "choose",
    "handed_out",
    "needed",
    "wanted",
]

Want = Fraction | int
# What a replica is to find, for the check before its command.
EXPECTED = "LOCALDLC_GPUS"
# Replicas whose GPUs are told one by one; the plan that is kept has all of them.
TOLD = 8


@dataclass(frozen=True, slots=True)
class Inventory:
    """The GPUs of this machine that jobs may have; ``why`` there are none.

    Those that were ``observed`` must be in a container when it says so; others are written down.
    """

    gpus: tuple[Gpu, ...] = ()
    why: str = "nobody has looked"
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """The GPUs of this machine that a job may have; ``shared`` with replicas that share, too.

    To NCCL the replicas are nodes, or processes of ``one_host`` that share memory. They were
    ``observed`` as an `Inventory` was.
    """

    gpus: tuple[Gpu, ...]
    shared: bool = False
    one_host: bool = False
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """GPUs (UUIDs) that somebody holds, alone or ``shared``."""

    gpus: frozenset[str]
    shared: bool = False


def wanted(plan: Plan) -> tuple[Want, ...]:
    """How many GPUs each replica is to have, in the order of the plan; a part of one is a part."""
    return tuple(replica.resources.gpu_count for replica in plan.replicas)


def needed(wants: Sequence[Want], *, shared: bool = False) -> int:
    """How many GPUs these need at the least; parts that fit into one share that anyway."""
    needs = [max(ceil(wants[n]) for n in group) for group in grouped(wants)]
    return max(needs, default=0) if shared else sum(needs)


def allocate(plan: Plan, inventory: Sequence[Gpu], claims: Iterable[Claim]) -> Plan | None:
    """The plan with GPUs for each replica that wants some; None where not all can have theirs.

    ``inventory`` is what the plan's `Pool` has, or a part of it. The same arguments give the same.
    """
    shared = plan.pool is not None and plan.pool.shared
    chosen = choose(wanted(plan), inventory, claims, shared=shared)
    if chosen is None:
        return None
    pairs = zip(plan.replicas, chosen, strict=True)
    return replace(plan, replicas=tuple(given(replica, gpus) for replica, gpus in pairs))


def given(replica: ReplicaPlan, gpus: tuple[Gpu, ...]) -> ReplicaPlan:
    if not gpus:
        return replica
    ids = tuple(gpu.uuid for gpu in gpus)
    named = not any(gpu.devices for gpu in gpus)
    env = {**replica.env, **({EXPECTED: ",".join(ids)} if named else {})}
    return replace(replica, env=env, resources=replace(replica.resources, gpus=ids))


def handed_out(plan: Plan) -> str:
    """Which replica has which, in words."""
    index = {gpu.uuid: str(gpu.index) for gpu in plan.pool.gpus} if plan.pool else {}
    having = [replica for replica in plan.replicas if replica.resources.gpus]
    parts = [
        f"{one.role}-{one.index} has {', '.join(index[uuid] for uuid in one.resources.gpus)}"
        for one in having[:TOLD]
    ]
    rest = f"; and so on for {len(having)} replicas" if len(having) > TOLD else ""
    return f"GPUs: {'; '.join(parts)}{rest}."


def choose(
    wants: Sequence[Want],
    inventory: Sequence[Gpu],
    claims: Iterable[Claim],
    *,
    shared: bool = False,
) -> tuple[tuple[Gpu, ...], ...] | None:
    """The GPUs of each want; None where too few are free.

    Nobody is given what another claims, unless both share. Parts of a GPU that add up to one at
    most are given the same one.
    """
    claims = tuple(claims)
    closed = {uuid for one in claims if not (shared and one.shared) for uuid in one.gpus}
    free = sorted((gpu for gpu in inventory if gpu.uuid not in closed), key=lambda g: g.index)
    if needed(wants, shared=shared) > len(free):
        return None
    groups = grouped(wants)
    needs = [max(ceil(wants[n]) for n in group) for group in groups]
    load = Counter(uuid for one in claims for uuid in one.gpus)
    hand_out = in_turn(needs, free, load) if shared else apart(needs, free)
    chosen: list[tuple[Gpu, ...]] = [()] * len(wants)
    for group, gpus in zip(groups, hand_out, strict=True):
        for number in group:
            chosen[number] = gpus
    return tuple(chosen)


def grouped(wants: Sequence[Want]) -> list[list[int]]:
    """The numbers of those that are given the same GPUs: each alone, but parts of one together."""
    groups = [[n] for n, want in enumerate(wants) if want >= 1]
    rooms: list[tuple[Want, list[int]]] = []
    for part, number in sorted((-want, n) for n, want in enumerate(wants) if 0 < want < 1):
        room = next((n for n, (left, _) in enumerate(rooms) if left >= -part), None)
        if room is None:
            rooms.append((1 + part, [number]))
        else:
            left, group = rooms[room]
            rooms[room] = (left + part, [*group, number])
    return groups + [group for _, group in rooms]


def in_turn(
    needs: Sequence[int], gpus: Sequence[Gpu], load: Mapping[str, int]
) -> Iterator[tuple[Gpu, ...]]:
    """Always those that the fewest have, so that none idles while two share another."""
    users = Counter(load)
    for need in needs:
        least = sorted(gpus, key=lambda gpu: (users[gpu.uuid], gpu.index))[:need]
        users.update(gpu.uuid for gpu in least)
        yield tuple(sorted(least, key=lambda gpu: gpu.index))


def apart(needs: Sequence[int], free: Sequence[Gpu]) -> list[tuple[Gpu, ...]]:
    """Each its own. The large ones choose first: they depend the most on neighbours."""
    islands = islands_of(free)
    near = {g.uuid: (g.parent or g.uuid, islands[g.uuid], g.numa, "here") for g in free}
    left = {gpu.uuid: gpu for gpu in free}
    chosen: dict[int, tuple[Gpu, ...]] = {}
    for number in sorted(range(len(needs)), key=lambda n: (-needs[n], n)):
        chosen[number] = neighbours(needs[number], [*left.values()], near)
        for gpu in chosen[number]:
            del left[gpu.uuid]
    return [chosen[number] for number in range(len(needs))]


def neighbours(
    count: int, free: Sequence[Gpu], near: Mapping[str, Sequence[object]]
) -> tuple[Gpu, ...]:
    """``count`` of them that are as near to each other as can be.

    ``near`` names the neighbourhoods that each is in, the closest first: parts of one GPU, GPUs
    linked by NVLink, the same processors, the machine. They come from the closest kind that has
    room, and there from the smallest, so that larger ones stay whole for others.
    """
    sizes = [Counter(kind) for kind in zip(*(near[gpu.uuid] for gpu in free), strict=True)]

    def rooms(gpu: Gpu) -> list[int]:
        return [size[place] for size, place in zip(sizes, near[gpu.uuid], strict=True)]

    closest = next(n for n, size in enumerate(sizes) if max(size.values()) >= count)
    fitting = [gpu for gpu in free if sizes[closest][near[gpu.uuid][closest]] >= count]
    first = min(fitting, key=lambda gpu: rooms(gpu)[closest:])
    smallest = [gpu for gpu in fitting if near[gpu.uuid][closest] == near[first.uuid][closest]]
    parts = {gpu.uuid: rooms(gpu)[closest - 1] if closest else 1 for gpu in smallest}
    return knit(smallest, count, parts)


def knit(place: Sequence[Gpu], count: int, parts: Mapping[str, int]) -> tuple[Gpu, ...]:
    """One after another, each with the most links to those before; else of the largest parts."""
    rest = sorted(place, key=lambda gpu: (-parts[gpu.uuid], gpu.index))
    found: list[Gpu] = []
    while len(found) < count:
        best = max(rest, key=lambda gpu: sum(gpu.uuid in other.links for other in found))
        found.append(best)
        rest.remove(best)
    return tuple(sorted(found, key=lambda gpu: gpu.index))


def islands_of(gpus: Iterable[Gpu]) -> dict[str, int]:
    """UUIDs and the number of their island: what links lead to from one to the next."""
    links = {gpu.uuid: gpu.links for gpu in gpus}
    islands: dict[str, int] = {}
    for start in links:
        waiting = [start]
        while waiting:
            uuid = waiting.pop()
            if uuid in links and uuid not in islands:
                islands[uuid] = islands[start] if start in islands else len(islands)
                waiting += links[uuid]
    return islands
