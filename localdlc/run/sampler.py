"""One look after another at the replicas that run, and at the machine: into files, and summed up.

Loaded when a job has run for a while; psutil and NVML come with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from localdlc.errors import EngineUnavailable
from localdlc.plan.ask import size_text
from localdlc.plan.model import Plan, Resources
from localdlc.record.events import ReplicaUsed
from localdlc.record.usage import HostUse, Limits, Sample, Tally, Usage
from localdlc.record.usage_file import (
    HOST,
    HOST_HEAD,
    SAMPLE_HEAD,
    Appended,
    host_row,
    path_of,
    sample_row,
    samples,
)
from localdlc.run.engine import Engine
from localdlc.run.gpu_use import GpuUses

__all__ = ["Attempt", "Running", "Sampler"]

# An engine that answers slowly is asked by so many at once.
HANDS = 16
# Seconds that a round may take before that.
SLOW = 1.0

Attempt = tuple[str, int]
"""PodId and attempt."""


@dataclass(frozen=True, slots=True)
class Running:
    """A container, when it began (seconds since 1970), and the GPUs that it holds (UUIDs)."""

    container_id: str
    began: float
    gpus: tuple[str, ...] = ()


class Sampler:
    """The samples of one job. `look` is called on one thread, `sums` on any."""

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        folder: Path,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``folder`` is the job's. ``note`` hears of processes that the kernel has killed."""
        self._engine = engine
        self._limits = {replica.pod_id: limits_of(replica.resources) for replica in plan.replicas}
        self._folder = folder
        self._note = note
        self._clock = clock
        self._files: dict[Attempt, Appended] = {}
        self._tallies: dict[Attempt, Tally] = {}
        self._open = ExitStack()
        self._host = HostUses()
        self._host_file: Appended | None = None
        self._gpus = GpuUses()
        self._hands: ThreadPoolExecutor | None = None

    def look(self, running: Mapping[Attempt, Running]) -> None:
        """One sample of each, and of the machine. Raises OSError when it cannot be kept."""
        began = time.monotonic()
        gpus = self._gpus({uuid for one in running.values() for uuid in one.gpus})
        looks = self._hands.map if self._hands else map
        for (attempt, one), sample in zip(
            running.items(), looks(self._usage, running.values()), strict=True
        ):
            if sample:
                self._keep(attempt, one, Sample(*sample, gpus.together(one.gpus)))
        self._keep_host()
        if self._hands is None and time.monotonic() - began > SLOW:
            self._hands = self._open.enter_context(ThreadPoolExecutor(HANDS, "localdlc-look"))

    @property
    def slow(self) -> bool:
        """Whether the engine takes its time over answers, and works for each of them.

        Found by experiment (Docker 20.10, 16 containers): two percent of a core at one look in
        three seconds.
        """
        return self._hands is not None

    def _usage(self, one: Running) -> tuple[float, Usage] | None:
        """And when; None for one that has just ended."""
        try:
            usage = self._engine.usage(one.container_id)
        except EngineUnavailable:
            return None
        return self._clock(), usage

    def _keep(self, attempt: Attempt, one: Running, sample: Sample) -> None:
        if attempt not in self._files:
            self._begin(attempt, one)
        before = self._tallies[attempt].last.usage.oom_kills or 0
        self._files[attempt].add(sample_row(sample))
        self._tallies[attempt] = self._tallies[attempt].add(sample)
        if (sample.usage.oom_kills or 0) > before:
            self._tell(attempt[0])

    def _begin(self, attempt: Attempt, one: Running) -> None:
        """With what an earlier supervisor has seen of it; else from its start, with nothing."""
        path = path_of(self._folder, *attempt)
        before = list(samples(path))
        file = self._files[attempt] = Appended(path, SAMPLE_HEAD)
        self._open.callback(file.close)
        if not before:
            before = [Sample(one.began, Usage())]
            file.add(sample_row(before[0]))
        self._tallies[attempt] = reduce(Tally.add, before, Tally(before[0]))

    def _tell(self, pod_id: str) -> None:
        limit = self._limits[pod_id].memory
        of = f"its limit is {size_text(limit)}" if limit else "it has no limit of its own"
        self._note(f"{pod_id}: the kernel killed a process of it, out of memory; {of}")

    def _keep_host(self) -> None:
        if use := self._host(self._clock()):
            if self._host_file is None:
                self._host_file = Appended(self._folder / HOST, HOST_HEAD)
                self._open.callback(self._host_file.close)
            self._host_file.add(host_row(use))

    def sums(self) -> Iterator[ReplicaUsed]:
        """What each attempt has used so far, in the order in which they were seen."""
        for (pod_id, attempt), tally in list(self._tallies.items()):
            if tally.seconds:
                yield tally.event(pod_id, attempt, self._limits[pod_id])

    def close(self) -> None:
        self._open.close()
        self._gpus.close()


def limits_of(resources: Resources) -> Limits:
    asked = resources.asked
    return Limits(
        resources.cpus,
        resources.memory,
        asked.cpus if asked else None,
        asked.memory if asked else None,
    )


class HostUses:
    """The machine as psutil sees it."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        psutil.cpu_percent()  # it tells what went on since it was last asked
        self._asked = False

    def __call__(self, now: float) -> HostUse | None:
        """None the first time: nothing has gone on yet."""
        percent, cpus = self._psutil.cpu_percent(), self._psutil.cpu_count() or 1
        memory = self._psutil.virtual_memory()
        first, self._asked = not self._asked, True
        cores = percent * cpus / 100
        return None if first else HostUse(now, cores, cpus, memory.used, memory.total)
