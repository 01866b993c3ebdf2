"""Signals to replicas: sent side by side, without waiting; what was told to whom, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal

from localdlc.errors import LocaldlcError
from localdlc.record.events import Note
from localdlc.run.engine import Engine
from localdlc.run.inbox import Post

__all__ = ["HANDS", "Signals"]

# The engine serialises the work on its networks; more hands than this gain nothing.
HANDS = 8
# Seconds by which a clock may drift while a replica is being stopped.
JUMP = 1.0


class Signals:
    """The signals of one job. The ends that they bring about arrive as events."""

    def __init__(
        self,
        engine: Engine,
        post: Post,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._now = now
        self._post = post
        self._hands = ThreadPoolExecutor(HANDS, "localdlc-signal")
        self._told: dict[str, tuple[datetime, float]] = {}

    def send(self, replicas: Mapping[str, str], name: Literal["SIGTERM", "SIGKILL"]) -> None:
        """``replicas`` are PodIds and their containers."""
        for container_id in replicas.values():
            self._told.setdefault(container_id, (self._now(), time.monotonic()))
            self._hands.submit(self._send, container_id, name)

    def were_told(self, containers: Iterable[str], at: datetime) -> None:
        """By somebody else, who is gone."""
        since = (self._now() - at).total_seconds()
        self._told.update(dict.fromkeys(containers, (at, time.monotonic() - since)))

    def _send(self, container_id: str, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        try:
            self._engine.signal(container_id, name)
        except LocaldlcError as error:
            self._post(Note(str(error)))

    def ended_by_us(self, container_id: str, finished_at: datetime) -> bool:
        """Whether it ended after we told it to; one that was faster failed by itself.

        Where the clock was set meanwhile nobody knows, and it has most probably heard us.
        """
        if container_id not in self._told:
            return False
        at, then = self._told[container_id]
        passed = (self._now() - at).total_seconds()
        return at <= finished_at or abs(passed - (time.monotonic() - then)) > JUMP

    def close(self) -> None:
        """Waits for nobody: the engine may never answer."""
        self._hands.shutdown(wait=False, cancel_futures=True)
