"""What disk and database have to say, as an error of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localdlc.errors import HomeError

__all__ = ["explained"]


@contextmanager
def explained(home: Path) -> Iterator[None]:
    """Whatever disk and database have to say becomes a `HomeError` with a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        )
        advice = (
            f"Its database is damaged: move {home / 'jobs.db'} away and another is begun; "
            f"requests, plans and logs stay in {home / 'jobs'}."
            if damaged
            else "Is the disk full or read-only? Choose another with --home or LOCALDLC_HOME."
        )
        raise HomeError(f"the home {home} cannot be used: {error}. {advice}") from error
