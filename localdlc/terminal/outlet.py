"""Where a job is shown: a stream whose reader may be gone, or may have ceased to read."""

from __future__ import annotations

import os
import threading
import time
from typing import IO, AnyStr

from localdlc.terminal.lines import write_all

__all__ = ["PATIENCE", "give_up", "put"]

# Seconds that a write may take once somebody wants to leave: more waits for a pager's user.
PATIENCE = 1.0

_since: float | None = None


class Unread(OSError):
    """Whoever is shown the job reads no more."""


def put(stream: IO[AnyStr], data: AnyStr) -> None:
    """Writes at once. Should nobody read, or the disk be full, the job goes on: logs are kept."""
    global _since
    try:
        if threading.current_thread() is threading.main_thread():
            _since = time.monotonic()
        write_all(stream, data)
        stream.flush()
    except OSError:
        # What the buffer still holds would fail again when Python flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    finally:
        _since = None


def give_up(number: int, frame: object) -> None:
    """As the handler of a signal: ends a write of the main thread that takes too long."""
    if _since is not None and time.monotonic() - _since >= PATIENCE:
        raise Unread
