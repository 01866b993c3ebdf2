"""Blocks of output become whole lines, without looking at a line twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from localdlc.run.engine import Stream

# A line without an end must not fill the memory; one of this size is cut and goes on as a piece.
LONGEST_LINE = 4 << 20


class Piece(NamedTuple):
    """Whole lines of one stream, or (``partial``) the beginning of one."""

    stream: Stream
    data: bytes
    partial: bool


class Lines:
    """One replica's output. Feed it blocks as they come; `rest` when there are no more."""

    def __init__(self) -> None:
        self._tails: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}
        self._sizes: dict[Stream, int] = {"stdout": 0, "stderr": 0}

    def feed(self, stream: Stream, block: bytes) -> Iterator[Piece]:
        """The lines that ``block`` completes, then what need not wait for the line's end."""
        end = block.rfind(b"\n") + 1
        if end:
            yield Piece(stream, self._taken(stream) + block[:end], partial=False)
            block = block[end:]
        if not block:
            return
        self._tails[stream].append(block)
        self._sizes[stream] += len(block)
        # A carriage return means a progress bar: its line may not end for an hour.
        if b"\r" in block or self._sizes[stream] >= LONGEST_LINE:
            yield Piece(stream, self._taken(stream), partial=True)

    def rest(self) -> Iterator[Piece]:
        """What is left at the end of the output: lines without their newline."""
        for stream in self._tails:
            if self._tails[stream]:
                yield Piece(stream, self._taken(stream), partial=True)

    def _taken(self, stream: Stream) -> bytes:
        data = b"".join(self._tails[stream])
        self._tails[stream] = []
        self._sizes[stream] = 0
        return data


def pieces_of(output: Iterable[tuple[Stream, bytes]]) -> Iterator[Piece]:
    """All of an output, to its end."""
    lines = Lines()
    for stream, block in output:
        yield from lines.feed(stream, block)
    yield from lines.rest()
