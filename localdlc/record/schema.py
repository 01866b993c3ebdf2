"""The database of a home: its tables, how they came to be, and how it is opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SCHEMA_VERSION", "migrate", "opened", "transaction"]

PATIENCE = 30.0
# Each brings a home of the version before to its own; a home that is new goes through all of them.
SCHEMA = (
    """
CREATE TABLE jobs (
  job_id TEXT PRIMARY KEY, display_name TEXT NOT NULL, job_type TEXT NOT NULL,
  replicas INTEGER NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL, changed TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_created ON jobs (created);
CREATE TABLE events (
  job_id TEXT NOT NULL, seq INTEGER NOT NULL, time TEXT NOT NULL, type TEXT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;
""",
    "ALTER TABLE jobs ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';",
)
SCHEMA_VERSION = len(SCHEMA)


def opened(file: Path) -> sqlite3.Connection:
    """The database in WAL mode.

    SQLite does not wait, whatever its timeout, while another process turns WAL on or, being the
    last to leave, tidies up; so we do.
    """
    database = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            return database
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def migrate(database: sqlite3.Connection) -> None:
    """To the newest schema, or not at all; of several processes one does it."""
    with transaction(database):
        version = database.execute("PRAGMA user_version").fetchone()[0]
        for step in SCHEMA[version:]:
            for statement in filter(str.strip, step.split(";")):
                database.execute(statement)
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
