"""``localdlc top``: what each replica uses now, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from localdlc.plan.ask import size_text
from localdlc.record.metrics import JobUse, ReplicaUse
from localdlc.record.names import attempt_name
from localdlc.record.usage import HostUse
from localdlc.stage.meter import amount
from localdlc.terminal.table import table

__all__ = ["top_json", "top_text"]

TITLES = (
    "REPLICA",
    "STATUS",
    "CPU",
    "OF",
    "MEMORY",
    "OF",
    "PEAK",
    "NET IN",
    "OUT",
    "READ",
    "WRITE",
)
GPU_TITLES = ("GPU", "GPU MEMORY")
UNKNOWN = "-"
GONE = ", but nobody supervises it now"


def top_text(use: JobUse, height: int | None = None) -> str:
    """The job, its replicas, the machine; at most ``height`` lines."""
    gpus = any(one.tally and one.tally.most_gpu_memory is not None for one in use.replicas)
    rows = [(*TITLES, *(GPU_TITLES if gpus else ()))]
    rows += [tuple(cells(one, use.job_id, gpus=gpus)) for one in use.replicas]
    gone = not (use.terminal or use.supervised)
    lines = [f"{use.job_id}: {use.status}{GONE if gone else ''}", *table(rows).splitlines()]
    foot = [host_text(use.host)] if use.host else []
    if height and len(lines) + len(foot) > height:
        hidden = len(lines) + len(foot) - height + 1
        lines = [*lines[:-hidden], f"… and {hidden} more"]
    return "\n".join([*lines, *foot])


def cells(one: ReplicaUse, job_id: str, *, gpus: bool) -> Iterator[str]:
    """Numbers of now while it runs, and the highest that was seen."""
    now, limits = one.last, one.limits
    yield attempt_name(one, job_id)
    yield one.status
    yield f"{now.cores:.2f}" if now else UNKNOWN
    yield f"{limits.cpus:.3g}" if limits.cpus is not None else UNKNOWN
    yield size_text(now.memory) if now else UNKNOWN
    yield size_text(limits.memory) if limits.memory is not None else UNKNOWN
    yield size_text(one.tally.most_memory) if one.tally and one.tally.seconds else UNKNOWN
    rates = (now.received, now.sent, now.read, now.written) if now else ()
    yield from (UNKNOWN if rate is None else f"{amount(rate)}/s" for rate in rates)
    yield from (UNKNOWN for _ in range(4 - len(rates)))
    if gpus:
        gpu = now.gpu if now else None
        yield f"{gpu.core:.0f} %" if gpu and gpu.core is not None else UNKNOWN
        yield f"{size_text(gpu.memory)} of {size_text(gpu.total)}" if gpu else UNKNOWN


def host_text(host: HostUse) -> str:
    memory = f"{size_text(host.memory)} of {size_text(host.total)}"
    return f"this machine: {host.cores:.2f} of {host.cpus} cores, {memory} of memory"


def top_json(use: JobUse) -> dict[str, Any]:
    """The same as one object: rates of now, and what was most."""
    return {
        "job_id": use.job_id,
        "status": use.status,
        "replicas": [replica_json(one) for one in use.replicas],
        "host": asdict(use.host) if use.host else None,
    }


def replica_json(one: ReplicaUse) -> dict[str, Any]:
    tally = one.tally if one.tally and one.tally.seconds else None
    return {
        **{name: getattr(one, name) for name in ("pod_id", "attempt", "status")},
        "limits": asdict(one.limits),
        "now": asdict(one.last) if one.last else None,
        "cores_peak": tally.most_cores if tally else None,
        "memory_peak": tally.most_memory if tally else None,
    }
