"""The foot of a terminal: lines that change, below all that is printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from localdlc.terminal.outlet import put

__all__ = ["Region"]

Size = Callable[[], tuple[int, int]]


class Region:
    """``size`` says how many columns and rows there are now. Not thread-safe."""

    def __init__(self, screen: TextIO, size: Size) -> None:
        self._screen = screen
        self._size = size
        self._drawn: list[str] = []

    def draw(self, lines: Sequence[str]) -> None:
        """Instead of what was there. The cursor stays at the end of the last line."""
        if list(lines) == self._drawn:
            return
        self._put(self._erasure() + "\n".join(lines))
        self._drawn = list(lines)

    def erase(self) -> None:
        """So that something can be printed where it was."""
        if self._drawn:
            self._put(self._erasure())
            self._drawn = []

    def _erasure(self) -> str:
        """Upwards from the last; in a terminal that has become narrower a line takes several."""
        if not self._drawn:
            return ""
        columns = max(self._size()[0], 1)
        rows = sum(max(-(-len(line) // columns), 1) for line in self._drawn)
        return "\r\x1b[K" + "\x1b[A\x1b[K" * (rows - 1)

    def _put(self, text: str) -> None:
        put(self._screen, text)
