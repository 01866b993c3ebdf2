"""``localdlc doctor``: one line a check, and its mend below it."""

from __future__ import annotations

from collections.abc import Iterator

from localdlc.doctor import Check

__all__ = ["check_lines"]

MARKS = {"ok": "ok", "warning": "warn", "problem": "FAIL", "skipped": "skip"}


def check_lines(check: Check) -> Iterator[str]:
    yield f"{MARKS[check.state]:<4}  {check.name:<13}  {check.says}"
    if check.mend:
        yield f"{'':<4}  {'':<13}  -> {check.mend}"
