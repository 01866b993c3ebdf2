"""A log file whose writer was killed: how far it got, so that the rest can be written behind it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

__all__ = ["mended"]


def mended(path: Path) -> Counter[str]:
    """How many whole lines of each stream are stored; what is not a whole line is taken out.

    A line that had only begun comes again from its beginning: nobody can say how long it was before
    its secrets were masked.
    """
    if not path.exists():
        return Counter()
    with path.open("r+b") as file:
        lines, begun = counted(file)
        take_out(file, begun)
    return lines


def counted(file: BinaryIO) -> tuple[Counter[str], list[tuple[int, int]]]:
    """Whole lines of each stream; and where the pieces (from, to) of lines are that are not."""
    lines: Counter[str] = Counter()
    begun: dict[bytes, list[tuple[int, int]]] = {}
    end = 0
    for record in file:
        start, end = end, end + len(record)
        parts = record.split(b" ", 3)
        if len(parts) < 4 or not record.endswith(b"\n"):  # its writer was killed in the middle
            begun.setdefault(b"", []).append((start, end))
        elif parts[2] == b"P":
            begun.setdefault(parts[1], []).append((start, end))
        else:
            begun.pop(parts[1], None)
            lines[parts[1].decode()] += 1
    return lines, sorted(piece for pieces in begun.values() for piece in pieces)


def take_out(file: BinaryIO, pieces: list[tuple[int, int]]) -> None:
    if not pieces:
        return
    first, end = pieces[0][0], file.seek(0, os.SEEK_END)
    kept = b""
    for (_, start), (stop, _) in zip(pieces, [*pieces[1:], (end, end)], strict=True):
        file.seek(start)
        kept += file.read(stop - start)
    # In this order: what is lost if we are killed in between comes again from the engine.
    file.truncate(first)
    file.seek(first)
    file.write(kept)
