"""Output that was read before by somebody else, or before the engine went: only the rest of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from localdlc.run.engine import Stream

__all__ = ["beyond", "beyond_lines"]

Blocks = Iterable[tuple[Stream, bytes]]


def beyond(blocks: Blocks, read: Mapping[Stream, int]) -> Iterator[tuple[Stream, bytes]]:
    """What comes after the first ``read`` bytes of each stream."""
    left = dict(read)
    for stream, block in blocks:
        skipped = min(left.get(stream, 0), len(block))
        left[stream] = left.get(stream, 0) - skipped
        if rest := block[skipped:]:
            yield stream, rest


def beyond_lines(
    blocks: Blocks, lines: Mapping[Stream, int], read: dict[Stream, int]
) -> Iterator[tuple[Stream, bytes]]:
    """What comes after the first ``lines`` lines of each stream; in ``read`` the bytes before it.

    A line is counted by its newline: it is the same, however the engine cuts its output to pieces
    and whatever was masked in it.
    """
    left = dict(lines)
    for stream, block in blocks:
        start = after_lines(block, left.get(stream, 0))
        left[stream] = left.get(stream, 0) - block.count(b"\n", 0, start)
        read[stream] += start
        if rest := block[start:]:
            yield stream, rest


def after_lines(block: bytes, lines: int) -> int:
    """Where the line after the first ``lines`` begins; the end, where there are no more."""
    if lines <= 0:
        return 0
    found = block.count(b"\n")
    if found < lines:
        return len(block)
    start = 0
    for _ in range(lines):
        start = block.index(b"\n", start) + 1
    return start
