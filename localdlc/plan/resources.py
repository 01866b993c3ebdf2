"""What a role asks for, and what this machine can give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.model import Resources
from localdlc.plan.replicas import Role
from localdlc.spec.quantity import cpus, memory_bytes

if TYPE_CHECKING:
    from localdlc.spec.jobspec import ResourceAsk

MIB = 1 << 20
SMALLEST_SHM = 64 * MIB


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: cores and bytes of memory that containers can have at most."""

    cpus: int
    memory: int


def limits(role: Role, host: Host) -> tuple[Resources, tuple[str, ...]]:
    """The container limits of one replica of ``role``, and a note for each that was capped.

    ``/dev/shm`` is half of the memory unless asked for: the engine's own 64 MiB kill the data
    loaders of every framework.
    """
    asked: ResourceAsk | None = role.spec.ResourceConfig
    notes: list[str] = []
    cores = cpus(asked.CPU) if asked and asked.CPU else None
    memory = memory_bytes(asked.Memory) if asked and asked.Memory else None
    if cores is not None and cores > host.cpus:
        notes.append(capped(role, "CPU", f"{cores:g} cores", f"{host.cpus}"))
        cores = float(host.cpus)
    if memory is not None and memory > host.memory:
        notes.append(capped(role, "Memory", in_gib(memory), in_gib(host.memory)))
        memory = host.memory
    room = memory or host.memory
    shm = max(SMALLEST_SHM, room // 2)
    if asked and asked.SharedMemory:
        shm = memory_bytes(asked.SharedMemory)
        if shm > room:
            notes.append(capped(role, "SharedMemory", in_gib(shm), in_gib(room)))
            shm = room
    return Resources(cpus=cores, memory=memory, shm=shm), tuple(notes)


def gpus(role: Role) -> int:
    """How many GPUs one replica of ``role`` asks for."""
    asked: ResourceAsk | None = role.spec.ResourceConfig
    return int(asked.GPU) if asked and asked.GPU else 0


def capped(role: Role, what: str, asked: str, given: str) -> str:
    return f"{role.type}: {what} asked {asked}, given {given}, all that there is here."


def in_gib(size: int) -> str:
    return f"{size / (1 << 30):.4g} GiB"
