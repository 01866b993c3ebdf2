"""The GPUs of a machine as a configuration writes them down; loaded only where one does."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Gpu"]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one MIG instance of it, with ``memory`` in bytes.

    ``index`` is NVML's, ``uuid`` what engines know it by. ``parent`` is the UUID of the GPU that an
    instance is a part of. ``links`` are the UUIDs of those it reaches by NVLink, ``numa`` is the
    node of the processors beside it. ``devices`` are the device files that make it: of vendors
    whose GPUs engines do not know by name.
    """

    index: int
    uuid: str
    name: str
    memory: int
    parent: str = ""
    numa: int | None = None
    links: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.index} {self.name} ({self.uuid})"
