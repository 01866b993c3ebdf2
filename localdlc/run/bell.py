"""Sleeping until a folder changes, or until another thread rings. Linux: inotify and an eventfd."""

from __future__ import annotations

import ctypes
import math
import os
import select
from pathlib import Path
from threading import Lock

__all__ = ["Bell"]

# From <sys/inotify.h>. Files that are closed after writing: also those of a process that is killed.
MODIFIED, CLOSED, CREATED, DELETED = 0x2, 0x8, 0x100, 0x200
CHANGES = MODIFIED | CLOSED | CREATED | DELETED
BLOCK = 1 << 16
# Seconds between two looks of who does not hear.
DEAF = 5.0


class Bell:
    """`ring` may be called from any thread, also after `close`; `wait` on one.

    A user may have so many watches and no more. Without one left it rings every few seconds.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._changes: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._hears = self._changes >= 0
        self._rung = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._open = Lock()
        self._closed = False

    def watch(self, folder: Path) -> None:
        """Rings whenever something in ``folder`` changes; once more for the same one is nothing."""
        watch = self._libc.inotify_add_watch(self._changes, os.fsencode(folder), CHANGES)
        self._hears = watch >= 0

    def ring(self) -> None:
        with self._open:
            if not self._closed:
                os.eventfd_write(self._rung, 1)

    def wait(self, seconds: float) -> bool:
        """Whether it rang within ``seconds``; all that has rung until then counts once."""
        poll = select.poll()
        poll.register(self._rung, select.POLLIN)
        if self._hears:
            poll.register(self._changes, select.POLLIN)
        rang = [handle for handle, _ in poll.poll(1000 * min(seconds, self._patience))]
        for handle in rang:
            os.read(handle, BLOCK)
        return bool(rang) or seconds > self._patience

    @property
    def _patience(self) -> float:
        return math.inf if self._hears else DEAF

    def close(self) -> None:
        with self._open:
            if not self._closed:
                self._closed = True
                for handle in (self._changes, self._rung):
                    if handle >= 0:
                        os.close(handle)
