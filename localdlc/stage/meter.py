"""How much there is, and how far it has come, in words: bytes, files, rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock

__all__ = ["Meter", "amount", "counted", "some"]

# Seconds between two words.
EVERY = 0.5
# Of many names, so many are told.
SHOWN = 5


class Meter:
    """Counts what arrives, from any thread, and says so now and then.

    ``tell`` gets ``1.2 GB of 5.0 GB, 120 of 500 files, 80 MB/s, 47 s left``.
    """

    def __init__(
        self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = Lock()
        self._began = clock()
        self._said: float | None = None
        self._bytes = self._files = 0
        self._all_bytes = self._all_files = 0

    def expect(self, bytes_: int, files: int) -> None:
        """What is to come, from now on."""
        self._bytes = self._files = 0
        self._all_bytes, self._all_files = bytes_, files
        self._began = self._clock()

    def listed(self, files: int, bytes_: int) -> None:
        self._say(lambda: f"listing: {counted(files)}, {amount(bytes_)}")

    def add(self, bytes_: int, files: int = 0) -> None:
        with self._lock:
            self._bytes += bytes_
            self._files += files
        self._say(self.text)

    def text(self) -> str:
        seconds = max(self._clock() - self._began, 0.001)
        rate = self._bytes / seconds
        left = f", {(self._all_bytes - self._bytes) / rate:.0f} s left" if rate else ""
        return (
            f"{amount(self._bytes)} of {amount(self._all_bytes)}, "
            f"{self._files:,} of {counted(self._all_files)}, {amount(rate)}/s{left}"
        )

    def _say(self, text: Callable[[], str]) -> None:
        now = self._clock()
        if self._said is None:  # the first of it is no news
            self._said = now
        if now - self._said < EVERY:
            return
        with self._lock:
            due = now - self._said >= EVERY
            if due:
                self._said = now
        if due:
            self._tell(text())


def amount(bytes_: float) -> str:
    """``1.5 GB``: powers of a thousand, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if bytes_ < 1000:
            return f"{bytes_:.0f} B" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.1f} TB"


def counted(files: int) -> str:
    return f"{files:,} file{'' if files == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """``a.py, b.py and 3 more``"""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
