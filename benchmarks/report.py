"""Measured rows as Markdown: printed, and kept in benchmarks/README.md between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import Circumstances, machine, software
from benchmarks.rounds import Row, Series

__all__ = ["HEAD", "line", "store", "surroundings", "whole"]

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"

HEAD = """\
| case | localdlc | against | it takes | ratio | target | met |
|---|---|---|---|---|---|---|"""

FORMATS = {
    "s": "{:.2f} s",
    "ms": "{:.0f} ms",
    "MB": "{:.0f} MB",
    "kB": "{:.0f} kB",
    "%": "{:.2f} %",
    "lines/s": "{:,.0f} lines/s",
}


def line(row: Row) -> str:
    against = row.target.rival.name if row.target.rival else "—"
    cells = (
        row.case.title,
        spread(row.ours, row.case.unit),
        against,
        spread(row.theirs, row.case.unit) if row.theirs else "—",
        f"{row.value:.2f}" if row.theirs else "—",
        target(row),
        "yes" if row.met else "**no**",
    )
    return f"| {' | '.join(cells)} |"


def spread(series: Series, unit: str) -> str:
    """The median, and the least and the most."""
    low, high = (FORMATS[unit].format(v).split()[0] for v in series.range)
    return f"{FORMATS[unit].format(series.median)} ({low} to {high})"


def target(row: Row) -> str:
    sign = "≥" if row.target.at_least else "≤"
    bound = f"{row.target.bound:g}"
    return f"{sign} {bound}" if row.theirs else f"{sign} {bound} {row.case.unit}"


def surroundings(before: Circumstances, after: Circumstances, rounds: int) -> str:
    return "\n".join(
        (
            f"- Machine: {machine()}",
            f"- Software: {software()}",
            f"- Measured: {before.moment:%Y-%m-%d %H:%M} to {after.moment:%H:%M} UTC, "
            f"{rounds} rounds; median (least to most)",
            f"- Load average of 1 and 5 minutes: before {loads(before)}, after {loads(after)}",
            f"- On the engine before and after: containers {before.containers} and "
            f"{after.containers}, networks {before.networks} and {after.networks}",
        )
    )


def loads(circumstances: Circumstances) -> str:
    return " and ".join(f"{load:.2f}" for load in circumstances.load)


def store(text: str, readme: Path = README) -> None:
    """Puts ``text`` between the marks."""
    head, _, rest = readme.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    readme.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def whole(rows: Sequence[Row], foot: str) -> str:
    return "\n".join((HEAD, *map(line, rows), "", foot))
