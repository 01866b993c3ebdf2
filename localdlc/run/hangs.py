"""Replicas that say nothing any more, or that are left when another has failed: what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Condition, Thread
from typing import Any

from localdlc.plan.progress import failed
from localdlc.record.events import Event, Log, ReplicaExited, ReplicaLost, ReplicaStarted
from localdlc.run.engine import Engine, EngineOver
from localdlc.run.found import Found
from localdlc.run.stacks import Stacks
from localdlc.why.stacks import Stack

__all__ = ["Hangs", "Report"]

Report = Callable[[str, Sequence[Stack], Sequence[str]], None]
"""Told why stacks were taken, the stacks, and the PodIds that were looked at; on any thread."""

# Seconds that a replica which is to be stopped may live on until its stacks are taken.
PATIENCE = 10.0


class Hangs:
    """Hears what happens in a job, and looks at its replicas when nothing does.

    ``on_hang`` is called after the report when all have been silent for ``seconds``.
    """

    def __init__(
        self,
        stacks: Stacks,
        seconds: float,
        report: Report,
        on_hang: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stacks = stacks
        self._seconds = seconds
        self._report = report
        self._on_hang = on_hang
        self._clock = clock
        self._changed = Condition()
        self._running: dict[str, str] = {}
        self._heard_at = 0.0
        self._told = self._over = False
        self._left: set[str] = set()
        self._seen: dict[str, list[Stack]] = {}
        self._failed = ""

    def heard(self, emit: Callable[[Event], None]) -> Callable[[Event], None]:
        """The same ``emit``, overheard."""
        Thread(target=self._watch, name="localdlc-hangs", daemon=True).start()

        def hear(event: Event) -> None:
            emit(event)
            match event:
                case Log():
                    self._heard()
                case ReplicaStarted():
                    self._forgive(event.pod_id)
                    self._heard({event.pod_id: event.container_id})
                case ReplicaExited() | ReplicaLost():
                    self._on_ended(event)

        return hear

    def go_on(self, found: Found) -> None:
        """With replicas that run already, because another supervisor has started them."""
        for one in found.containers:
            if one.start and not one.end:
                self._heard({one.pod_id: one.start.container_id})

    def under(self, engine: Engine) -> Engine:
        """The same engine; whoever is stopped because another has failed is looked at before."""
        return Looked(engine, self._before_stop)

    def leave(self, note: object) -> None:
        """The job is over; all that there was to say has been said."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _heard(self, started: Mapping[str, str] | None = None) -> None:
        with self._changed:
            self._running.update(started or {})
            self._heard_at = self._clock()
            if self._told or started:
                self._told = False
                self._changed.notify_all()

    # silence

    def _watch(self) -> None:
        while running := self._silent():
            stacks = self._stacks.take_all(running)
            self._report(
                f"no replica has written anything for {self._seconds:g} s", stacks, [*running]
            )
            self._on_hang()

    def _silent(self) -> dict[str, str]:
        """Waits for a silence; those that are silent, or none when the job is over."""
        with self._changed:
            while not self._over:
                left = self._heard_at + self._seconds - self._clock()
                if self._running and not self._told and left <= 0:
                    self._told = True
                    return dict(self._running)
                self._changed.wait(left if self._running and not self._told else None)
            return {}

    # peers of one that failed

    def _on_ended(self, event: ReplicaExited | ReplicaLost) -> None:
        with self._changed:
            self._running.pop(event.pod_id, None)
            self._heard_at = self._clock()
            if not self._failed and failed(event):
                self._failed = event.pod_id
                self._left = set(self._running)
                return
            self._left.discard(event.pod_id)
        self._tell_of_peers()

    def _forgive(self, pod_id: str) -> None:
        """One that has failed and begins anew has left nobody alone."""
        with self._changed:
            if pod_id == self._failed:
                self._failed, self._left, self._seen = "", set(), {}

    def _before_stop(self, container: str) -> None:
        with self._changed:
            pods = [pod for pod in self._left if self._running.get(pod) == container]
            if not pods or pods[0] in self._seen:
                return
            self._seen[pods[0]] = []
        looking = Thread(target=self._look, args=(pods[0], container), daemon=True)
        looking.start()
        looking.join(PATIENCE)

    def _look(self, pod_id: str, container: str) -> None:
        stacks = self._stacks.take(pod_id, container)
        with self._changed:
            self._seen[pod_id] = stacks
            self._left.discard(pod_id)
        self._tell_of_peers()

    def _tell_of_peers(self) -> None:
        """When all of them are seen, or have ended meanwhile."""
        with self._changed:
            if self._left or not self._seen:
                return
            seen, self._seen = self._seen, {}
        stacks = [stack for taken in seen.values() for stack in taken]
        self._report(f"{self._failed} has failed, and these were left", stacks, [*seen])


class Looked(EngineOver):
    """An engine that has ``before`` called before it stops a container."""

    def __init__(self, engine: Engine, before: Callable[[str], None]) -> None:
        super().__init__(engine)
        self._before = before

    def signal(self, container_id: str, name: Any) -> None:
        if name == "SIGTERM":
            self._before(container_id)
        self._engine.signal(container_id, name)
