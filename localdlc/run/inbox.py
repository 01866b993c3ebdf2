"""The one queue of a run: every thread posts, one thread reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Condition

from localdlc.errors import LocaldlcError
from localdlc.record.events import Event, Log

# Output that may wait to be shown and stored. Beyond it followers wait, then the engine, then the
# replicas themselves: a slow reader slows a job down, it does not fill the memory or lose a line.
ROOM = 8 << 20
# Output that one event may hold where more than that is waiting.
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """One task of the preparation is done; it may have learnt something to tell."""

    task: str
    error: LocaldlcError | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A follower is through: its replica has ended or will never start."""

    pod_id: str
    error: LocaldlcError | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Something answers at the port of a replica."""

    pod_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The engine was gone and is back: what a replica was sent meanwhile did not arrive."""

    pod_id: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Waste no more time: SIGKILL now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The engine owes an answer: whoever reads must not sleep for longer than it may take."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What the job created is removed, but for what is ``left``: a sentence each."""

    left: Sequence[str]


Message = Event | Prepared | Ended | Answered | Returned | Kill | Asked | Cleared
Post = Callable[[Message], None]


class Inbox:
    """`post` may be called from any thread, and from a signal handler for anything but a `Log`."""

    def __init__(self, room: int = ROOM) -> None:
        self._queue: SimpleQueue[Message] = SimpleQueue()
        self._room = room
        self._held: Message | None = None
        self._waiting = 0
        self._changed = Condition()

    def post(self, message: Message) -> None:
        if isinstance(message, Log):
            with self._changed:
                self._changed.wait_for(lambda: self._waiting < self._room)
                self._waiting += len(message.data)
        # SimpleQueue is re-entrant: a signal handler may put while the same thread gets.
        self._queue.put(message)

    def next(self, timeout: float | None) -> Message | None:
        """The next message; None when none came within ``timeout`` seconds.

        The engine hands output over in small blocks, and an event costs the same for any size: so
        blocks of one output that wait in a row come as one.
        """
        message = self._taken(timeout)
        return self._joined(message) if isinstance(message, Log) else message

    def _joined(self, log: Log) -> Log:
        blocks, size = [log.data], len(log.data)
        while size < LARGEST and not log.partial:
            following = self._taken(0)
            if not isinstance(following, Log) or output_of(following) != output_of(log):
                self._held = following
                break
            log = following
            blocks.append(log.data)
            size += len(log.data)
        return replace(log, data=b"".join(blocks))

    def _taken(self, timeout: float | None) -> Message | None:
        if (held := self._held) is not None:
            self._held = None
            return held
        try:
            message = self._queue.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(message, Log):
            with self._changed:
                self._waiting -= len(message.data)
                self._changed.notify_all()
        return message


def output_of(log: Log) -> tuple[str, int, str]:
    return log.pod_id, log.attempt, log.stream
