"""Who shows a job while it runs: lines for programs, lines for people, or a live view."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localdlc.job.journal import Listener
    from localdlc.run.control import Control
    from localdlc.service.looking import Looking
    from localdlc.terminal.live import LivePrinter
    from localdlc.terminal.printers import TextPrinter

__all__ = ["screen"]

# In fewer columns lines of a board would say nothing.
FEWEST_COLUMNS = 41
LEGEND = "d detach · s shell · q stop"


@contextmanager
def screen(
    jobs: Looking, control: Control, *, output: str, quiet: bool, no_color: bool
) -> Iterator[Listener]:
    """A listener that shows the job; in a terminal with a board below, and keys."""
    if output == "json":
        from localdlc.terminal.printers import JsonPrinter

        yield JsonPrinter(sys.stdout.buffer)
        return
    printer = text_printer(jobs, quiet=quiet, no_color=no_color)
    if quiet or not is_live():
        yield printer
        return
    with live_view(printer, control, jobs) as live:
        yield live


def is_live() -> bool:
    """Both streams are one terminal that can move its cursor, and a person sits before it."""
    able = os.environ.get("TERM") not in {None, "", "dumb"} and "CI" not in os.environ
    return able and sys.stdout.isatty() and sys.stderr.isatty() and size()[0] >= FEWEST_COLUMNS


def size() -> tuple[int, int]:
    """Columns and rows of the terminal, as they are now."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        return 80, 24
    return columns, rows


def text_printer(jobs: Looking, *, quiet: bool, no_color: bool) -> TextPrinter:
    from localdlc.terminal.printers import TextPrinter

    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    forced = bool(os.environ.get("FORCE_COLOR")) and not no_color
    return TextPrinter(
        sys.stdout.buffer,
        sys.stderr,
        colour=forced or (sys.stdout.isatty() and not plain),
        quiet=quiet,
        explain=jobs.explain_job,
    )


@contextmanager
def live_view(printer: TextPrinter, control: Control, jobs: Looking) -> Iterator[LivePrinter]:
    from localdlc.terminal.keys import in_foreground
    from localdlc.terminal.live import LivePrinter
    from localdlc.terminal.region import Region

    keyboard = sys.stdin is not None and in_foreground(sys.stdin.fileno())
    live = LivePrinter(printer, Region(sys.stderr, size), size, LEGEND if keyboard else "")
    with live:
        if not keyboard:
            yield live
            return
        from localdlc.cli.keyboard import keyboard_of

        with keyboard_of(live, control, jobs):
            yield live
