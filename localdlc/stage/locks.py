"""Locks between the processes of one home, by ``flock``: they end with whoever holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Held", "alone", "shared", "waited_for"]


class Held:
    """A lock that is held until it is let go, or the process ends. Children do not inherit it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def let_go(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


@contextmanager
def waited_for(path: Path, holder: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock alone; ``waiting`` hears who has it now, if somebody does.

    ``holder`` is what others will hear. The kernel wakes whoever waits.
    """
    while True:
        handle = opened(path)
        if not tried(handle, fcntl.LOCK_EX):
            waiting(os.pread(handle, 200, 0).decode("utf-8", "replace") or "another process")
            fcntl.flock(handle, fcntl.LOCK_EX)
        if still_there(handle, path):
            break
        os.close(handle)  # the file was removed while we waited
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder.encode(), 0)
        yield
    finally:
        os.close(handle)


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
        path.parent.mkdir(parents=True, exist_ok=True)
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
