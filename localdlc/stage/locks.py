"""Locks between the processes of one home, by ``flock``: they end with whoever holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from localdlc.stage.sources import Cancelled

__all__ = ["Held", "alone", "shared", "waited_for"]


# Seconds between two looks at a lock that another process holds: who waits in the kernel cannot be
# called off.
AGAIN = 0.1


class Held:
    """A lock that is held until it is let go, or the process ends. Children do not inherit it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def sign(self, holder: str) -> None:
        """Says who holds it, to whoever waits."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, holder.encode(), 0)

    def let_go(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


@contextmanager
def waited_for(
    path: Path, holder: str, waiting: Callable[[str], None], cancelled: Event
) -> Iterator[None]:
    """Holds the lock alone; ``waiting`` hears who has it now, if somebody does.

    ``holder`` is what others will hear. Raises `Cancelled` when nobody wants it any more.
    """
    held = alone(path)
    if held is None:
        waiting(holder_of(path))
    while held is None:
        if cancelled.wait(AGAIN):
            raise Cancelled
        held = alone(path)
    try:
        held.sign(holder)
        yield
    finally:
        held.let_go()


def holder_of(path: Path) -> str:
    try:
        return path.read_bytes()[:200].decode("utf-8", "replace") or "another process"
    except OSError:
        return "another process"


def alone(path: Path) -> Held | None:
    """The lock, if nobody has it."""
    handle = opened(path)
    if tried(handle, fcntl.LOCK_EX) and still_there(handle, path):
        return Held(handle)
    os.close(handle)
    return None


def shared(path: Path) -> Held:
    """The lock, beside others who share it."""
    handle = opened(path)
    fcntl.flock(handle, fcntl.LOCK_SH)
    os.utime(handle)  # when it was last used
    return Held(handle)


def opened(path: Path) -> int:
    while True:
        # Who had it may have taken the folder away; a cache is its owner's alone.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # the folder went in between
            continue


def tried(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_there(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
