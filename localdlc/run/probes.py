"""Whether something answers at the ports of replicas, asked again and again until it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from itertools import count
from threading import Condition, Thread

from localdlc.errors import LocaldlcError
from localdlc.record.events import ReplicaStarted
from localdlc.run.engine import Engine
from localdlc.run.inbox import Answered, Post

__all__ = ["Probes", "Reach", "reach"]

# A training's port opens when it gets there; nobody tells, so it is asked.
EVERY = 0.25
TIMEOUT = 1.0
# Every so many times it is asked inside, too, which takes longer and needs no way to the container.
INSIDE = 12
LISTENING = ("cat", "/proc/net/tcp", "/proc/net/tcp6")
LOOPBACK = ("0100007F", "00000000000000000000000001000000")

Reach = Callable[[str, int], bool]
"""Whether a TCP connection to an address and a port can be made."""


def reach(address: str, port: int) -> bool:
    """Needs an engine on this machine, to whose containers there is a way."""
    try:
        with socket.create_connection((address, port), TIMEOUT):
            return True
    except OSError:
        return False


def listens(table: str, port: int) -> bool:
    """Whether the kernel's table of sockets has one that peers can reach at ``port``."""
    for line in table.splitlines():
        _, local, _, state, *_ = [*line.split(), *[""] * 4]
        address, _, number = local.partition(":")
        if state == "0A" and int(number, 16) == port and address not in LOOPBACK:
            return True
    return False


class Probes:
    """Asks on a thread of its own; posts `Answered` once for each that it watches."""

    def __init__(self, engine: Engine, post: Post, reach: Reach) -> None:
        self._engine = engine
        self._post = post
        self._reach = reach
        self._watched: dict[str, tuple[ReplicaStarted, int]] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._closed = False

    def watch(self, replica: ReplicaStarted, port: int) -> None:
        with self._changed:
            self._watched[replica.pod_id] = (replica, port)
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

    def _listens(self, container: str, port: int) -> bool:
        try:
            answer = self._engine.execute(container, LISTENING)
        except LocaldlcError:
            return False
        return listens(answer.output.decode("ascii", "replace"), port)

    def _ask(self) -> None:
        for turn in count(1):
            with self._changed:
                self._changed.wait_for(lambda: bool(self._watched) or self._closed)
                if self._closed:
                    return
                watched = dict(self._watched)
            for replica, port in watched.values():
                inside = turn % INSIDE == 0 and self._listens(replica.container_id, port)
                if inside or self._reach(replica.ip, port):
                    self.leave(replica.pod_id)
                    self._post(Answered(replica.pod_id, replica.attempt))
            with self._changed:
                self._changed.wait_for(lambda: self._closed, EVERY)
