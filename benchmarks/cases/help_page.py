"""``localdlc --help`` against a bare ``python -c pass`` of the same interpreter.

The ratio is what a person waits for our own imports before the first word.
"""

from __future__ import annotations

import sys

from benchmarks.case import Case, Rival, Target
from benchmarks.workbench import Workbench, timed


def help_page(bench: Workbench) -> float:
    return bench.localdlc("--help").seconds


def bare_python(bench: Workbench) -> float:
    return timed([sys.executable, "-c", "pass"], bench.folder).seconds


CASE = Case(
    name="help",
    title="`localdlc --help`",
    unit="ms",
    ours=lambda bench: help_page(bench) * 1000,
    targets=(Target(6.0, Rival("`python -c pass`", lambda bench: bare_python(bench) * 1000)),),
    repeats=4,
)
