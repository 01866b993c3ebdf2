"""What replicas used, in words: at the end of a run, and of jobs that were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean
from typing import TypeVar

from localdlc.plan.ask import cores_text, size_text
from localdlc.record.events import ReplicaUsed
from localdlc.record.names import attempt_name, short
from localdlc.record.view import JobView
from localdlc.stage.meter import amount
from localdlc.terminal.table import table

__all__ = ["used_lines", "used_table"]

N = TypeVar("N", int, float)


def used_lines(view: JobView) -> Iterator[str]:
    """One line a role: what its replicas used, of all their attempts, against what they had."""
    roles: dict[str, list[ReplicaUsed]] = {}
    for replica in view.replicas.values():
        role = short(replica.pod_id, view.job_id).rpartition("-")[0]
        attempts = [one.used for one in (*replica.earlier, replica) if one.used]
        if attempts:
            roles.setdefault(role, []).extend(attempts)
    for role, used in roles.items():
        yield f"{role}: {'; '.join(words(used, view.job_id))}"


def words(used: Sequence[ReplicaUsed], job_id: str) -> Iterator[str]:
    """Memory, CPU, GPUs: the most that any of them used, and all on average."""
    most = max(used, key=lambda one: one.memory_peak)
    held = given(most.memory_asked, most.memory_limit, size_text)
    mean = size_text(round(fmean(one.memory_mean for one in used)))
    peak = f"peak {size_text(most.memory_peak)}{by(most, used, job_id)}"
    yield f"memory {held}{peak}, mean {mean}"
    busiest = max(used, key=lambda one: one.cpus_peak)
    had = given(busiest.cpus_asked, busiest.cpus_limit, cores_text)
    average = fmean(one.cpus_mean for one in used)
    peak = f"peak {busiest.cpus_peak:.2f}{by(busiest, used, job_id)}"
    yield f"CPU {had}{peak}, mean {average:.2f}"
    yield from gpu_words(used)


def given(asked: N | None, limit: N | None, text: Callable[[N], str]) -> str:
    """``asked 512 GiB, given 11 GiB, ``: each where it is known, the second where it is another."""
    told = [f"asked {text(asked)}, "] if asked is not None else []
    if limit is not None and limit != asked:
        told.append(f"given {text(limit)}, ")
    return "".join(told)


def by(one: ReplicaUsed, used: Sequence[ReplicaUsed], job_id: str) -> str:
    return f" ({short(one.pod_id, job_id)})" if len(used) > 1 else ""


def gpu_words(used: Sequence[ReplicaUsed]) -> Iterator[str]:
    means = [one.gpu_mean for one in used if one.gpu_mean is not None]
    peaks = [one.gpu_memory_peak for one in used if one.gpu_memory_peak is not None]
    busy = f"{fmean(means):.0f} % busy, " if means else ""
    if peaks:
        total = max(one.gpu_memory or 0 for one in used)
        yield f"GPU {busy}memory peak {size_text(max(peaks))} of {size_text(total)}"


def used_table(uses: Iterable[ReplicaUsed], job_id: str) -> str:
    """``localdlc show --metrics``: a row for each attempt."""
    titles = ("REPLICA", "SECONDS", "CPU MEAN", "PEAK", "OF", "MEMORY MEAN", "PEAK", "OF", "ASKED")
    rows: list[tuple[str, ...]] = [(*titles, "NET IN", "OUT", "READ", "WRITTEN")]
    rows += [tuple(cells(used, job_id)) for used in uses]
    return table(rows)


def cells(used: ReplicaUsed, job_id: str) -> Iterator[str]:
    yield attempt_name(used, job_id)
    yield f"{used.seconds:.0f}"
    yield from (f"{used.cpus_mean:.2f}", f"{used.cpus_peak:.2f}")
    yield "-" if used.cpus_limit is None else f"{used.cpus_limit:.3g}"
    yield from (size_text(used.memory_mean), size_text(used.memory_peak))
    yield from ("-" if s is None else size_text(s) for s in (used.memory_limit, used.memory_asked))
    yield from map(amount, (used.network_in, used.network_out))
    yield from ("-" if d is None else amount(d) for d in (used.disk_read, used.disk_written))
