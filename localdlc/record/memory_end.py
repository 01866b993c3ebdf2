"""What the kernel did to a replica for want of memory, and how it is told. Pure."""

from __future__ import annotations

from typing import Literal

from localdlc.record.view import ReplicaView

__all__ = ["MemoryEnd", "end_of", "memory_clause", "memory_end", "size", "told"]

MemoryEnd = Literal["", "replica", "process"]
KILLED = 137


def memory_end(replica: ReplicaView) -> MemoryEnd:
    """Whether the kernel killed the replica, or a process of it that it has outlived."""
    if replica.oom:
        return end_of(replica.exit_code)
    return "process" if replica.used and replica.used.oom_kills else ""


def end_of(exit_code: int | None) -> MemoryEnd:
    """Of one that the engine says was out of memory.

    Found by experiment: the engine's flag stands for either (Docker 20.10). What ends with the
    process that was killed ends with 137.
    """
    return "replica" if exit_code == KILLED else "process"


def memory_clause(replica: ReplicaView) -> str:
    """``the kernel killed it, out of memory: its limit is 64 MiB …``; or ""."""
    end, used = memory_end(replica), replica.used
    limit, peak = (used.memory_limit, used.memory_peak) if used else (None, None)
    return told(end, limit, peak) if end else ""


def told(end: MemoryEnd, limit: int | None, peak: int | None) -> str:
    """In words; ``limit`` and ``peak`` are bytes, None is not known."""
    whom = "it" if end == "replica" else "a process of it"
    known = [f"its limit is {size(limit)}"] if limit else []
    known += [f"the most that was sampled is {size(peak)}"] if peak else []
    return f"the kernel killed {whom}, out of memory{': ' if known else ''}{', '.join(known)}"


def size(amount: int) -> str:
    """``1.5 GiB``; below one, ``64 MiB``."""
    return f"{amount / 2**30:.4g} GiB" if amount >= 2**30 else f"{amount / 2**20:.4g} MiB"
