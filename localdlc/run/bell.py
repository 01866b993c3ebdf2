"""Sleeping until a folder changes, or until another thread rings. Linux: inotify and an eventfd."""

from __future__ import annotations

import ctypes
import os
import select
from pathlib import Path
from threading import Lock

__all__ = ["Bell"]

# From <sys/inotify.h>. Files that are closed after writing: also those of a process that is killed.
MODIFIED, CLOSED, CREATED, DELETED = 0x2, 0x8, 0x100, 0x200
CHANGES = MODIFIED | CLOSED | CREATED | DELETED
BLOCK = 1 << 16


class Bell:
    """`ring` may be called from any thread, also after `close`; `wait` on one."""

    def __init__(self) -> None:
        """Raises `OSError`, as when the user has too many watches."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._changes = self._checked(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._rung = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._open = Lock()
        self._closed = False

    def watch(self, folder: Path) -> None:
        """Rings whenever something in ``folder`` changes; once more for the same one is nothing."""
        self._checked(self._libc.inotify_add_watch(self._changes, os.fsencode(folder), CHANGES))

    def ring(self) -> None:
        with self._open:
            if not self._closed:
                os.eventfd_write(self._rung, 1)

    def wait(self, seconds: float) -> bool:
        """Whether it rang within ``seconds``; all that has rung until then counts once."""
        poll = select.poll()
        for handle in (self._changes, self._rung):
            poll.register(handle, select.POLLIN)
        rang = [handle for handle, _ in poll.poll(1000 * seconds)]
        for handle in rang:
            os.read(handle, BLOCK)
        return bool(rang)

    def close(self) -> None:
        with self._open:
            if not self._closed:
                self._closed = True
                os.close(self._changes)
                os.close(self._rung)

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
