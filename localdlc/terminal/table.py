"""Rows and columns as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["indented", "table"]


def table(cells: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    line = "  ".join(f"{{:<{width}}}" for width in widths)
    return "\n".join(line.format(*row).rstrip() for row in cells)


def indented(rows: Iterable[str | tuple[str, ...]]) -> list[str]:
    """Rows as an indented table; none, if there are none."""
    cells = [(row,) if isinstance(row, str) else row for row in rows]
    return [f"  {line}" for line in table(cells).splitlines()] if cells else []
