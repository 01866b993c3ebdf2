"""What replicas use as others want it: now, and as the series of DLC's GetJobMetrics. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from localdlc.record.events import ReplicaUsed
from localdlc.record.usage import HostUse, Limits, Point, Sample, Tally, points

__all__ = ["METRICS", "JobUse", "ReplicaUse", "Series", "csv_rows", "job_metrics", "limits_in"]


@dataclass(frozen=True, slots=True)
class ReplicaUse:
    """One replica now; ``last`` and ``tally`` are None until it was looked at twice."""

    pod_id: str
    attempt: int
    status: str
    limits: Limits
    last: Point | None = None
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class JobUse:
    """One job now, and the machine, if it was looked at.

    A job that is not ``supervised`` has ended, or its supervisor is gone.
    """

    job_id: str
    status: str
    terminal: bool
    supervised: bool
    replicas: tuple[ReplicaUse, ...]
    host: HostUse | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One attempt from its start to its end, or to now."""

    pod_id: str
    attempt: int
    limits: Limits
    samples: tuple[Sample, ...]

    def used(self) -> ReplicaUsed | None:
        """The sum; None where nothing was sampled after the start."""
        if not self.samples:
            return None
        tally = reduce(Tally.add, self.samples, Tally(self.samples[0]))
        return tally.event(self.pod_id, self.attempt, self.limits) if tally.seconds else None


Value = Callable[[Point, Limits], float | None]


def percent(part: float, whole: float | None) -> float | None:
    return 100 * part / whole if whole else None


# By DLC's MetricType (dlc-api G.6; it does not say in which units). What is used of the replica's
# limit in percent, rates in bytes a second; below them what has no name there.
METRICS: dict[str, Value] = {
    "CpuCoreUsage": lambda point, limits: percent(point.cores, limits.cpus),
    "MemoryUsage": lambda point, limits: percent(point.memory, limits.memory),
    "GpuCoreUsage": lambda point, _: point.gpu.core if point.gpu else None,
    "GpuMemoryUsage": lambda point, _: (
        percent(point.gpu.memory, point.gpu.total) if point.gpu else None
    ),
    "NetworkInputRate": lambda point, _: point.received,
    "NetworkOutputRate": lambda point, _: point.sent,
    "DiskReadRate": lambda point, _: point.read,
    "DiskWriteRate": lambda point, _: point.written,
    "CpuCores": lambda point, _: point.cores,
    "MemoryBytes": lambda point, _: point.memory,
    "GpuMemoryBytes": lambda point, _: point.gpu.memory if point.gpu else None,
}
UNITS = {"Usage": "percent", "Rate": "bytes/s", "Cores": "cores", "Bytes": "bytes"}


def job_metrics(job_id: str, series: Iterable[Series]) -> dict[str, Any]:
    """GetJobMetrics' PodMetrics for each MetricType that has a value, times in milliseconds."""
    found = list(series)
    by_pod: dict[str, list[Series]] = {}
    for one in found:
        by_pod.setdefault(one.pod_id, []).append(one)
    metrics = {name: pod_metrics(by_pod, value) for name, value in METRICS.items()}
    known = {name: pods for name, pods in metrics.items() if any(pod["Metrics"] for pod in pods)}
    units = {name: next(u for end, u in UNITS.items() if name.endswith(end)) for name in known}
    return {"JobId": job_id, "Units": units, "Metrics": known}


def pod_metrics(by_pod: Mapping[str, Sequence[Series]], value: Value) -> list[dict[str, Any]]:
    return [
        {"PodId": pod_id, "Metrics": [*values(attempts, value)]}
        for pod_id, attempts in by_pod.items()
    ]


def values(attempts: Iterable[Series], value: Value) -> Iterator[dict[str, float]]:
    for one in attempts:
        for point in points(one.samples):
            if (found := value(point, one.limits)) is not None:
                yield {"Time": round(1000 * point.time), "Value": round(found, 3)}


def csv_rows(series: Iterable[Series]) -> Iterator[tuple[str, ...]]:
    """A head, and a row for each replica and time; what is not known is empty."""
    yield ("Time", "PodId", "Attempt", *METRICS)
    for one in series:
        for point in points(one.samples):
            found = (value(point, one.limits) for value in METRICS.values())
            cells = (
                "" if cell is None else f"{cell:.3f}".rstrip("0").rstrip(".") for cell in found
            )
            yield (str(round(1000 * point.time)), one.pod_id, str(one.attempt), *cells)


def limits_in(replica: Mapping[str, Any]) -> Limits:
    """Of a replica of the plan as it was stored."""
    resources = replica["resources"]
    asked = resources.get("asked") or {}
    return Limits(resources["cpus"], resources["memory"], asked.get("cpus"), asked.get("memory"))
