"""The table of cases, in the order in which they are measured and shown."""

from __future__ import annotations

from benchmarks.cases import (
    allocation,
    fetching,
    gpu_replicas,
    help_page,
    libraries,
    log_lines,
    machinery,
    memory,
    mounting,
    noop_replicas,
    sampler,
    verdict,
)

__all__ = ["CASES"]

CASES = (
    help_page.CASE,
    noop_replicas.ONE,
    noop_replicas.SIXTEEN,
    noop_replicas.SIXTY_FOUR,
    log_lines.CASE,
    verdict.CASE,
    memory.CASE,
    machinery.CASE,
    gpu_replicas.CASE,
    allocation.CASE,
    allocation.QUEUE,
    *fetching.CASES,
    mounting.CASE,
    libraries.CASE,
    libraries.SMALL,
    sampler.CASE,
)
