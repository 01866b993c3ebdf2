"""Single keys of a terminal, each heard when it is pressed."""

from __future__ import annotations

import os
import select
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Self

__all__ = ["Keys", "in_foreground"]


def in_foreground(terminal: int) -> bool:
    """Whether this process may read keys: one in the background would be stopped for it."""
    try:
        return os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False


class Keys:
    """Reads keys on a thread while it is entered, and calls what is bound to each, there.

    Lines need no Enter meanwhile and are not echoed; Ctrl-C and Ctrl-Z stay what they are.
    """

    def __init__(self, terminal: int, bound: Mapping[str, Callable[[], None]]) -> None:
        self._terminal = terminal
        self._bound = bound
        self._before = termios.tcgetattr(terminal)
        self._end, self._wake = os.pipe()
        self._thread = Thread(target=self._listen, name="keys", daemon=True)

    def __enter__(self) -> Self:
        tty.setcbreak(self._terminal, termios.TCSANOW)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._wake, b".")
        self._restore()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The terminal as it was, for somebody else to read; on this thread only."""
        self._restore()
        try:
            yield
        finally:
            tty.setcbreak(self._terminal, termios.TCSANOW)

    def _restore(self) -> None:
        with suppress(termios.error, OSError):  # the terminal is gone
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._terminal, self._end], [], [])
            if self._end in ready:
                return
            try:
                pressed = os.read(self._terminal, 1)
            except OSError:
                return
            if not pressed:
                return
            if action := self._bound.get(pressed.decode("ascii", "replace")):
                action()
