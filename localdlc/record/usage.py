"""What replicas use: samples of counters, what happens between two of them, and their sums. Pure.

Loaded only for jobs that last long enough to be sampled, and by whoever looks at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from localdlc.record.events import ReplicaUsed

__all__ = ["GpuUse", "HostUse", "Point", "Sample", "Tally", "Usage", "points"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used since its start (seconds, bytes), and the bytes it holds now.

    ``cache`` is what it holds of files and would give back, which ``memory`` is without. ``peak``
    is the most that both ever were together. ``oom_kills`` are processes that the kernel killed for
    memory. None is not known.
    """

    cpu: float = 0.0
    memory: int = 0
    cache: int = 0
    peak: int | None = None
    received: int = 0
    sent: int = 0
    read: int | None = 0
    written: int | None = 0
    oom_kills: int | None = None


@dataclass(frozen=True, slots=True)
class GpuUse:
    """GPUs of one replica: percent of the time that they were busy, on average; bytes together.

    None where none of them tells how busy it is, as MIG instances do not.
    """

    core: float | None
    memory: int
    total: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a replica, at a time in seconds since 1970."""

    time: float
    usage: Usage
    gpu: GpuUse | None = None


@dataclass(frozen=True, slots=True)
class HostUse:
    """One look at the whole machine: cores that are busy and there, bytes in use and there."""

    time: float
    cores: float
    cpus: int
    memory: int
    total: int


@dataclass(frozen=True, slots=True)
class Point:
    """What went on between two samples: cores, bytes, bytes a second."""

    time: float
    seconds: float
    cores: float
    memory: int
    received: float
    sent: float
    read: float | None
    written: float | None
    gpu: GpuUse | None = None


def points(samples: Iterable[Sample]) -> Iterator[Point]:
    """One for each sample after the first."""
    for before, now in pairwise(samples):
        if now.time > before.time:
            yield between(before, now)


def between(before: Sample, now: Sample) -> Point:
    old, new = before.usage, now.usage
    seconds = now.time - before.time
    return Point(
        time=now.time,
        seconds=seconds,
        cores=max(0.0, new.cpu - old.cpu) / seconds,
        memory=highest(before, now),
        received=max(0, new.received - old.received) / seconds,
        sent=max(0, new.sent - old.sent) / seconds,
        read=rate(old.read, new.read, seconds),
        written=rate(old.written, new.written, seconds),
        gpu=now.gpu,
    )


def rate(old: int | None, new: int | None, seconds: float) -> float | None:
    return None if new is None else max(0, new - (old or 0)) / seconds


def highest(before: Sample, now: Sample) -> int:
    """The most memory between two samples, also where it was given back before the second.

    The kernel keeps the highest sum of memory and cached files. What of it was files is not kept;
    it is taken to be no more than at either sample.
    """
    old, new = before.usage, now.usage
    if new.peak is None or new.peak <= (old.peak or 0):
        return new.memory
    return max(new.memory, new.peak - max(old.cache, new.cache))


@dataclass(frozen=True, slots=True)
class Tally:
    """All points of one attempt so far, summed up: what a summary needs, in no memory to speak of.

    ``busy`` is in core seconds, ``held`` in byte seconds, ``gpu_busy`` in percent seconds.
    """

    last: Sample
    seconds: float = 0.0
    busy: float = 0.0
    most_cores: float = 0.0
    held: float = 0.0
    most_memory: int = 0
    gpu_seconds: float = 0.0
    gpu_busy: float = 0.0
    most_gpu_memory: int | None = None

    def add(self, sample: Sample) -> Tally:
        if sample.time <= self.last.time:
            return self
        point = between(self.last, sample)
        gpu, seconds, most = point.gpu, point.seconds, self.most_gpu_memory
        core = gpu.core if gpu else None
        return Tally(
            last=sample,
            seconds=self.seconds + seconds,
            busy=self.busy + point.cores * seconds,
            most_cores=max(self.most_cores, point.cores),
            held=self.held + sample.usage.memory * seconds,
            most_memory=max(self.most_memory, point.memory),
            gpu_seconds=self.gpu_seconds + (0.0 if core is None else seconds),
            gpu_busy=self.gpu_busy + (core or 0.0) * seconds,
            most_gpu_memory=max(most or 0, gpu.memory) if gpu else most,
        )

    def event(self, pod_id: str, attempt: int, limits: Limits) -> ReplicaUsed:
        """The sum as the job's summary tells it; the tally must have a point."""
        usage, gpu = self.last.usage, self.last.gpu
        return ReplicaUsed(
            pod_id=pod_id,
            attempt=attempt,
            seconds=round(self.seconds, 3),
            cpus_mean=round(self.busy / self.seconds, 3),
            cpus_peak=round(self.most_cores, 3),
            cpus_limit=limits.cpus,
            cpus_asked=limits.cpus_asked,
            memory_mean=round(self.held / self.seconds),
            memory_peak=self.most_memory,
            memory_limit=limits.memory,
            memory_asked=limits.memory_asked,
            network_in=usage.received,
            network_out=usage.sent,
            disk_read=usage.read,
            disk_written=usage.written,
            oom_kills=usage.oom_kills,
            gpu_mean=round(self.gpu_busy / self.gpu_seconds, 1) if self.gpu_seconds else None,
            gpu_memory_peak=self.most_gpu_memory,
            gpu_memory=gpu.total if gpu else None,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a replica may use, and what was asked for it. Cores and bytes; None is no limit."""

    cpus: float | None = None
    memory: int | None = None
    cpus_asked: float | None = None
    memory_asked: int | None = None
