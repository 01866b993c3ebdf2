"""What one replica asks for, whether as an instance type or in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from localdlc.spec.quantity import cpus, memory_bytes

if TYPE_CHECKING:
    from localdlc.spec.jobspec import JobSpec, ResourceAsk
    from localdlc.spec.request import CreateJobRequest

__all__ = ["Ask", "ask_of", "asks_for_gpus", "cores_text", "gpus_text", "millicores", "size_text"]

TIB, GIB, MIB = 1 << 40, 1 << 30, 1 << 20


@dataclass(frozen=True, slots=True)
class Ask:
    """Cores, bytes, bytes of ``/dev/shm`` and GPUs; None where nothing is said.

    ``gpu_type`` is their model, ``gpu_memory`` the bytes of each that it has. ``instance`` is the
    type that all this comes from, "" for numbers; ``derived``: by its name.
    """

    cpus: float | None = None
    memory: int | None = None
    shm: int | None = None
    gpus: Fraction = Fraction(0)
    instance: str = ""
    derived: bool = False
    gpu_type: str = ""
    gpu_memory: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "instance": self.instance or None,
            "cpus": self.cpus,
            "memory": self.memory,
            "shm": self.shm,
            "gpus": float(self.gpus) if self.gpus % 1 else int(self.gpus),
            "gpu_type": self.gpu_type or None,
        }

    def __str__(self) -> str:
        numbers = ", ".join(self._numbers())
        return f"{self.instance}: {numbers}" if self.instance else numbers

    def _numbers(self) -> Iterator[str]:
        if self.cpus is not None:
            yield cores_text(self.cpus)
        if self.memory is not None:
            yield f"{size_text(self.memory)} of memory"
        if self.shm is not None:
            yield f"{size_text(self.shm)} of /dev/shm"
        if self.gpus:
            yield f"{gpus_text(self.gpus)} {self.gpu_type}".rstrip()


def ask_of(spec: JobSpec) -> Ask:
    """The ask of each replica of a role whose request has passed `check`."""
    if spec.EcsSpec:
        return by_instance(spec.EcsSpec)
    return by_numbers(spec.ResourceConfig) if spec.ResourceConfig else Ask()


def asks_for_gpus(request: CreateJobRequest) -> bool:
    return any(ask_of(spec).gpus for spec in request.JobSpecs or () if spec.replicas)


def by_instance(name: str) -> Ask:
    """A replica has the instance for itself. A type that nobody knows asks for nothing."""
    from localdlc.spec.instances import instance_of

    found = instance_of(name)
    if found is None:
        return Ask(instance=name)
    return Ask(
        cpus=float(found.cpus),
        memory=found.memory,
        gpus=found.gpus,
        instance=name,
        derived=found.derived,
        gpu_type=found.gpu_type,
        gpu_memory=found.gpu_memory,
    )


def by_numbers(asked: ResourceAsk) -> Ask:
    return Ask(
        cpus=cpus(asked.CPU) if asked.CPU else None,
        memory=memory_bytes(asked.Memory) if asked.Memory else None,
        shm=memory_bytes(asked.SharedMemory) if asked.SharedMemory else None,
        gpus=Fraction(asked.GPU or 0),
        gpu_type=asked.GPUType or "",
    )


def millicores(cores: float) -> int:
    """Rounded up, as Kubernetes does; what a float adds is none of it."""
    return ceil(round(1000 * cores, 6))


def cores_text(cores: float) -> str:
    return f"{cores:.10g} core{'' if cores == 1 else 's'}"


def gpus_text(count: Fraction | int) -> str:
    return f"{count} GPU{'' if count <= 1 else 's'}"


def size_text(size: int) -> str:
    """``1.5 GiB``; below one, ``64 MiB``; of nodes together, ``14.06 TiB``."""
    if size >= 10_000 * GIB:
        return f"{size / TIB:.4g} TiB"
    return f"{size / GIB:.4g} GiB" if size >= GIB else f"{size / MIB:.4g} MiB"
