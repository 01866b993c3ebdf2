"""What becomes of the GPUs that a job asks for on this machine: ``--gpus``. Pure.

All as asked for (``strict``), some of them for several replicas (``share``), fewer and smaller
replicas (``shrink``), or ``none``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from localdlc.errors import ResourceError
from localdlc.plan.ask import ask_of, gpus_text, size_text
from localdlc.plan.environment import users_variables
from localdlc.plan.gpu_environment import nccl_told, told
from localdlc.plan.gpu_shrinking import shape, shrunk
from localdlc.plan.gpus import Inventory, Pool, choose, needed

if TYPE_CHECKING:
    from fractions import Fraction

    from localdlc.config import Config
    from localdlc.config.gpus import Gpu
    from localdlc.plan.model import ReplicaPlan
    from localdlc.plan.replicas import Role, Topology
    from localdlc.plan.resources import Host
    from localdlc.spec.request import CreateJobRequest

__all__ = ["Granted", "granted"]

REFUSES = "NCCL refuses two processes of one host on one GPU: share them with --nccl isolated."
# What stands in names of GPUs beside the model.
NO_MODEL = re.compile(r"NVIDIA|TESLA|GEFORCE|AMD|INSTINCT|PCIE|SXM\d*|HBM\d*|\d+GB?|GB?")


@dataclass(frozen=True, slots=True)
class Granted:
    """The roles as they run here, the GPUs that they may have, and what is said about it.

    ``became`` is what a job was shrunk from and to, as in ``8×8 became 2×1``.
    """

    roles: tuple[Role, ...]
    pool: Pool | None = None
    notes: tuple[str, ...] = ()
    became: str = ""

    def on(self, host: Host) -> Host:
        """The machine as replicas find it that are processes of one host."""
        return replace(host, one_shm=self.pool is not None and self.pool.one_host)

    def told(
        self,
        request: CreateJobRequest,
        config: Config,
        topology: Topology,
        first: ReplicaPlan,
    ) -> Iterator[str]:
        """Every note about GPUs; ``first`` is the first replica."""
        users, _ = users_variables(request)
        if self.became:
            known = "WORLD_SIZE" in first.injected
            size = f", WORLD_SIZE {first.env['WORLD_SIZE']}" if known else ""
            yield f"GPUs: {self.became}{size}: --gpus shrink, as this machine has too few."
        yield from self.notes
        yield from nccl_told(self.roles, config)
        yield from told(request, users, topology)


def granted(roles: tuple[Role, ...], config: Config, inventory: Inventory | None) -> Granted:
    """What becomes of roles of which some ask for GPUs.

    Raises `ResourceError` when this machine can never give what is asked for.
    """
    there = inventory or Inventory()
    if config.gpus == "none":
        return without(roles)
    if not there.gpus:
        raise ResourceError(nothing_there(roles, there))
    if config.gpus == "strict" and needed(wants(roles)) > len(there.gpus):
        raise ResourceError(too_few(roles, there.gpus, config))
    found = (sharing if config.gpus == "share" else shrinking)(roles, there.gpus)
    notes = (*found.notes, *parts_told(found.roles), *others_told(found.roles, there.gpus))
    one_host = config.nccl == "same-host"
    pool = found.pool and replace(found.pool, one_host=one_host, observed=there.observed)
    if one_host and config.gpus == "share":
        notes = (*notes, REFUSES)
    return replace(found, notes=notes, pool=pool)


def without(roles: tuple[Role, ...]) -> Granted:
    bare = tuple(replace(role, gpus=0) for role in roles)
    asked = gpus_text(needed(wants(roles)))
    note = f"GPUs: {asked} ({each(roles)}) would be wanted; by --gpus none this runs on CPUs alone."
    return Granted(bare, notes=(note,))


def sharing(roles: tuple[Role, ...], gpus: Sequence[Gpu]) -> Granted:
    """A replica sees each GPU once: as many as there are at most."""
    seen = tuple(replace(role, gpus=min(role.gpus, len(gpus))) for role in roles)
    return Granted(seen, Pool(tuple(gpus), shared=True), tuple(sharing_told(roles, seen, gpus)))


def shrinking(roles: tuple[Role, ...], gpus: Sequence[Gpu]) -> Granted:
    """All as asked for, where there are enough."""
    if needed(wants(roles)) <= len(gpus):
        return Granted(roles, Pool(tuple(gpus)))
    fewer = shrunk(roles, len(gpus))
    return Granted(fewer, Pool(tuple(gpus)), became=f"{shape(roles)} became {shape(fewer)}")


def wants(roles: Iterable[Role]) -> list[Fraction | int]:
    return [role.gpus for role in roles for _ in range(role.count)]


def each(roles: Iterable[Role]) -> str:
    """``1 Master of 8, 7 Worker of 8``"""
    return ", ".join(f"{role.count} {role.type} of {role.gpus}" for role in roles if role.gpus)


def too_few(roles: tuple[Role, ...], gpus: Sequence[Gpu], config: Config) -> str:
    names = ", ".join(dict.fromkeys(gpu.name for gpu in gpus))
    chosen = f" that {config.named('gpu_devices')} names" if config.gpu_devices else ""
    smaller = f"{shape(roles)} {shape(shrunk(roles, len(gpus)))}"
    return (
        f"this job asks for {gpus_text(needed(wants(roles)))} ({each(roles)}) and this machine has "
        f"{gpus_text(len(gpus))} ({names}){chosen}. Run it smaller: --gpus shrink makes {smaller}. "
        "Or let replicas share them: --gpus share. Or do without: --gpus none."
    )


def nothing_there(roles: tuple[Role, ...], inventory: Inventory) -> str:
    return (
        f"this job asks for {gpus_text(needed(wants(roles)))} ({each(roles)}) and there are none "
        f"for it here: {inventory.why}. Run it without: --gpus none. GPUs that NVML does not list "
        "are written down as gpu_inventory in localdlc.toml."
    )


def sharing_told(asked: Sequence[Role], seen: Sequence[Role], gpus: Sequence[Gpu]) -> Iterator[str]:
    for before, after in zip(asked, seen, strict=True):
        if before.gpus > after.gpus:
            yield f"GPUs: each {before.type} asks for {before.gpus} and sees {after.gpus}."
    chosen = choose(wants(seen), gpus, (), shared=True) or ()
    users = Counter(gpu for those in chosen for gpu in those)
    for count, gpu in sorted({n: gpu for gpu, n in users.items()}.items(), key=itemgetter(0)):
        if count > 1:
            room = f": about {size_text(gpu.memory // count)} of memory each" if gpu.memory else ""
            yield f"GPUs: up to {count} replicas share one{room}; nothing holds them to it."


def parts_told(roles: Iterable[Role]) -> Iterator[str]:
    for role in roles:
        if 0 < role.gpus < 1:
            yield (
                f"GPUs: each {role.type} asks for {role.gpus} of one and sees a whole one, which it"
                " shares with other parts of this job; nothing holds it to its part."
            )


def others_told(roles: Iterable[Role], gpus: Sequence[Gpu]) -> Iterator[str]:
    """Where it is another kind of GPU than the one asked for, or has less memory."""
    names = list(dict.fromkeys(gpu.name for gpu in gpus))
    least = min(gpu.memory for gpu in gpus)
    for role in roles:
        asked = ask_of(role.spec)
        if not role.gpus:
            continue
        if asked.gpu_type and not all(model(asked.gpu_type) <= model(name) for name in names):
            found = " or ".join(names)
            yield f"GPUType: each {role.type} asks for {asked.gpu_type} and is given {found}."
        if asked.gpu_memory and least and least < asked.gpu_memory * (0.9 if role.gpus >= 1 else 0):
            wanted, given = size_text(asked.gpu_memory), size_text(least)
            yield f"GPU memory: each {role.type} expects {wanted} a GPU, here it has {given}."


def model(name: str) -> set[str]:
    """``V100`` of ``Tesla-V100-SXM2-16GB``."""
    words = set(re.findall(r"[A-Z0-9]+", name.upper()))
    return {word for word in words if not NO_MODEL.fullmatch(word)}
