"""What the replicas of a job use, read along from the store while it runs, and afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localdlc.record.log_file import attempt_of
from localdlc.record.metrics import JobUse, ReplicaUse, Series, limits_in
from localdlc.record.store import Store
from localdlc.record.usage import HostUse, Limits, Point, Tally, between
from localdlc.record.usage_file import HOST, Tail, path_of, samples
from localdlc.record.view import JobView, ReplicaView, after

__all__ = ["Watch", "all_series"]


@dataclass(slots=True)
class Seen:
    """One attempt as far as its file was read."""

    tail: Tail
    last: Point | None = None
    tally: Tally | None = None

    def read(self) -> None:
        for sample in self.tail.samples():
            if self.tally is None:
                self.tally = Tally(sample)
            elif sample.time > self.tally.last.time:
                self.last = between(self.tally.last, sample)
                self.tally = self.tally.add(sample)


class Watch:
    """Looks again and again, and each time only at what is new."""

    def __init__(self, store: Store, name: str) -> None:
        """``name`` is an id, a unique prefix, or ``last``. Raises `NotFound`."""
        self._store = store
        self._job_id = store.find(name)
        self._folder = store.job_folder(self._job_id)
        self._view = JobView()
        self._next = 0
        self._limits: dict[str, Limits] = {}
        self._seen: dict[tuple[str, int], Seen] = {}
        self._host_tail = Tail(self._folder / HOST)
        self._host: HostUse | None = None

    def look(self) -> JobUse:
        for record in self._store.records(self._job_id, self._next):
            self._view = after(self._view, record)
            self._next = record.seq + 1
        if not self._limits:
            plan = self._store.read_plan(self._job_id)
            self._limits = {replica["pod_id"]: limits_in(replica) for replica in plan["replicas"]}
        for use in self._host_tail.host_uses():
            self._host = use
        view = self._view
        supervised = not view.terminal and self._store.supervised(self._job_id)
        uses = tuple(self._use(pod_id, limits) for pod_id, limits in self._limits.items())
        return JobUse(self._job_id, view.status, view.terminal, supervised, uses, self._host)

    def _use(self, pod_id: str, limits: Limits) -> ReplicaUse:
        """What a replica used that has ended is no rate of now."""
        replica = self._view.replicas.get(pod_id) or ReplicaView(pod_id)
        key = (pod_id, replica.attempt)
        if key not in self._seen:
            self._seen[key] = Seen(Tail(path_of(self._folder, *key)))
        seen = self._seen[key]
        seen.read()
        last = seen.last if replica.status == "Running" else None
        return ReplicaUse(pod_id, replica.attempt, replica.status, limits, last, seen.tally)


def all_series(store: Store, name: str) -> tuple[str, Iterator[Series]]:
    """The JobId, and each attempt of each replica in the order of the plan. Raises `NotFound`."""
    job_id = store.find(name)
    plan, folder = store.read_plan(job_id), store.job_folder(job_id)
    return job_id, (
        Series(replica["pod_id"], attempt, limits_in(replica), tuple(samples(path)))
        for replica in plan["replicas"]
        for attempt, path in attempts(folder, replica["pod_id"])
    )


def attempts(folder: Path, pod_id: str) -> list[tuple[int, Path]]:
    found = path_of(folder, pod_id, 1).parent.glob(f"{pod_id}.*.csv")
    return sorted((attempt_of(path), path) for path in found)
