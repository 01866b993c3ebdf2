"""Homes of test sessions: what a session left that was killed, the next one removes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from localdlc.errors import LocaldlcError
from localdlc.job.sweep import sweep
from localdlc.run.engine import Engine

__all__ = ["sweep_homes"]

# Nobody carries on with a job that no test waits for any more.
GONE = "the test session that ran it was killed"


def sweep_homes(engine: Engine, temporary: Path) -> None:
    """``temporary`` is the session's own folder, beside those of earlier ones and other workers."""
    for home in homes_beside(temporary):
        with suppress(LocaldlcError, OSError):  # another session may remove it meanwhile
            sweep(engine, home, why=GONE)


def homes_beside(temporary: Path) -> Iterator[Path]:
    """They are ``pytest-7/localdlc``, and with xdist ``pytest-7/popen-gw0/localdlc``."""
    worker = temporary.name.startswith("popen-")
    sessions = temporary.parent.parent if worker else temporary.parent
    for pattern in ("pytest-[0-9]*/localdlc/jobs.db", "pytest-[0-9]*/popen-*/localdlc/jobs.db"):
        yield from (path.parent for path in sorted(sessions.glob(pattern)))
