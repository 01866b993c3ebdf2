"""What replicas use while they run: heard of here, looked at by the sampler, told at the end.

A job that is over in two seconds has paid for a thread and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from localdlc.errors import bug
from localdlc.plan.model import Plan
from localdlc.record.events import (
    Event,
    JobFinished,
    Note,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    ReplicaUsed,
)
from localdlc.run.engine import Engine
from localdlc.run.inbox import Post

if TYPE_CHECKING:
    from localdlc.record.view import JobView
    from localdlc.run.found import Found
    from localdlc.run.sampler import Attempt, Sampler

__all__ = ["EVERY", "Metering"]

# Seconds between two looks, and before the first.
EVERY = 2.0
# So much longer where each look costs the engine something.
SPARING = 2
# Seconds that a look which is under way is waited for at the end.
PATIENCE = 1.0


class Metering:
    """The sampler of one job, on a thread of its own from the start of the first replica."""

    def __init__(
        self, plan: Plan, engine: Engine, folder: Path, post: Post, every: float = EVERY
    ) -> None:
        """``folder`` is the job's."""
        self._plan = plan
        self._engine = engine
        self._folder = folder
        self._post = post
        self._every = every
        self._running: dict[Attempt, tuple[str, float, tuple[str, ...]]] = {}
        self._over = Flag()
        self._thread: Thread | None = None
        self._sampler: Sampler | None = None

    def know(self, plan: Plan) -> None:
        """As it is carried out: the GPUs that replicas were given are looked at, too."""
        self._plan = plan

    def go_on(self, found: Found, view: JobView) -> None:
        """With replicas that run already, because another supervisor has started them."""
        for one in found.containers:
            began = view.replicas[one.pod_id].started if one.start and not one.end else None
            if one.start and began:
                self._started(one.start, began.timestamp())

    def heard(self, emit: Callable[[Event], None]) -> Callable[[Event], None]:
        """The same ``emit``, overheard; what was used comes before the verdict."""

        def hear(event: Event) -> None:
            match event:
                case ReplicaStarted():
                    self._started(event, time.time())
                case ReplicaExited() | ReplicaLost():
                    self._running.pop((event.pod_id, event.attempt), None)
                case JobFinished():
                    self._over.set()  # nobody waits for a look that is under way
                    for used in self._used():
                        emit(used)
            emit(event)
            if isinstance(event, ReplicaExited) and event.oom:
                emit(Note(self._out_of_memory(event)))

        return hear

    def _used(self) -> Iterable[ReplicaUsed]:
        return self._sampler.sums() if self._sampler else ()

    def _out_of_memory(self, event: ReplicaExited) -> str:
        """Whether it was the replica or a process of it, and what it had: in a sentence."""
        from localdlc.record.memory_end import end_of, told

        attempt = (event.pod_id, event.attempt)
        peaks = [u.memory_peak for u in self._used() if (u.pod_id, u.attempt) == attempt]
        limit = next(r.resources.memory for r in self._plan.replicas if r.pod_id == event.pod_id)
        words = told(end_of(event.exit_code), limit, max(peaks, default=None))
        return f"{event.pod_id} ended with exit code {event.exit_code}: {words}"

    def leave(self) -> None:
        """There is nothing to look at any more."""
        self._over.set()
        if self._thread and self._sampler:
            self._thread.join(PATIENCE)

    def _started(self, event: ReplicaStarted, began: float) -> None:
        gpus = next(r.resources.gpus for r in self._plan.replicas if r.pod_id == event.pod_id)
        self._running[event.pod_id, event.attempt] = (event.container_id, began, gpus)
        if self._thread is None:
            self._thread = Thread(target=self._live, name="metering", daemon=True)
            self._thread.start()

    def _live(self) -> None:
        if self._over.wait(self._every):
            return
        try:
            self._look_on()
        except OSError as error:
            self._note(f"what replicas use is not kept from now on: {error}")
        except Exception as error:  # noqa: BLE001 - in a thread nobody else would ever hear of it
            self._note(str(bug(error)))

    def _look_on(self) -> None:
        from localdlc.run.sampler import Running, Sampler

        with closing(Sampler(self._engine, self._plan, self._folder, self._note)) as sampler:
            self._sampler = sampler
            while not self._over.is_set():
                sampler.look({key: Running(*each) for key, each in self._settled()})
                self._over.wait(self._every * (SPARING if sampler.slow else 1))

    def _settled(self) -> list[tuple[Attempt, tuple[str, float, tuple[str, ...]]]]:
        """Without those that have just begun: what they took to start would look like a peak."""
        latest = time.time() - self._every / 2
        return [(key, each) for key, each in list(self._running.items()) if each[1] <= latest]

    def _note(self, text: str) -> None:
        self._post(Note(text))
