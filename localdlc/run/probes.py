"""Whether something answers at the ports of replicas, asked again and again until it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Condition, Thread

from localdlc.run.inbox import Answered, Post

__all__ = ["Probes", "Reach", "reach"]

# A training's port opens when it gets there; nobody tells, so it is asked.
EVERY = 0.25
TIMEOUT = 1.0

Reach = Callable[[str, int], bool]
"""Whether a TCP connection to an address and a port can be made."""


def reach(address: str, port: int) -> bool:
    """Engines on this machine route to their containers; one elsewhere does not."""
    try:
        with socket.create_connection((address, port), TIMEOUT):
            return True
    except OSError:
        return False


class Probes:
    """Asks on a thread of its own; posts `Answered` once for each that it watches."""

    def __init__(self, post: Post, reach: Reach) -> None:
        self._post = post
        self._reach = reach
        self._watched: dict[str, tuple[int, str, int]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False

    def watch(self, pod_id: str, attempt: int, address: str, port: int) -> None:
        with self._changed:
            self._watched[pod_id] = (attempt, address, port)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = Thread(target=self._ask, name="probes", daemon=True)
                self._thread.start()

    def leave(self, pod_id: str) -> None:
        """It has ended: nothing will answer any more."""
        with self._changed:
            self._watched.pop(pod_id, None)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _ask(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._watched) or self._closed)
                if self._closed:
                    return
                watched = dict(self._watched)
            for pod_id, (attempt, address, port) in watched.items():
                if self._reach(address, port):
                    self.leave(pod_id)
                    self._post(Answered(pod_id, attempt))
            with self._changed:
                self._changed.wait_for(lambda: self._closed, EVERY)
