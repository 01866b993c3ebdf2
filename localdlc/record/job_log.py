"""The one writer of one job: its documents, its events, its logs."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from localdlc.record.events import Event, JobCreated, Log, Record, StatusChanged, body
from localdlc.record.explained import explained
from localdlc.record.log_file import encode, log_path
from localdlc.record.schema import transaction
from localdlc.record.times import stamp

__all__ = ["JobLog"]


class JobLog:
    """The one writer of one job. Not thread-safe: only the supervisor's main thread writes."""

    def __init__(
        self,
        database: sqlite3.Connection,
        folder: Path,
        lock: BinaryIO,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.job_id = folder.name
        self._database = database
        self._lock = lock
        self._tags = tags or {}
        self._files: dict[tuple[str, int], BinaryIO] = {}

    def write_document(self, name: str, content: Any) -> None:
        """``request.json`` and ``plan.json``, readable by the owner alone. Raises `HomeError`."""
        path = self.folder / name
        with explained(self.folder.parent.parent):
            path.touch(mode=0o600)
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def append(self, *records: Record) -> None:
        """Stores a record: a `Log` into its file, anything else into the database.

        Several, none of them a `Log`, are all there or none of them is.
        """
        with explained(self.folder.parent.parent):
            match records:
                case [Record(event=Log() as log) as record]:
                    self._file(log.pod_id, log.attempt).write(encode(log, record.time))
                case _:
                    with transaction(self._database) as database:
                        for record in records:
                            self._insert(database, record, record.event)

    def _insert(self, database: sqlite3.Connection, record: Record, event: Event) -> None:
        time = stamp(record.time)
        if isinstance(event, JobCreated):
            database.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, '', ?, ?, ?)",
                (
                    *(self.job_id, event.display_name, event.job_type, event.replicas),
                    *(time, time, json.dumps(dict(self._tags))),
                ),
            )
        database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (self.job_id, record.seq, time, event.type, json.dumps(body(event))),
        )
        if isinstance(event, StatusChanged):
            database.execute(
                "UPDATE jobs SET status = ?, changed = ? WHERE job_id = ?",
                (event.to, time, self.job_id),
            )

    def _file(self, pod_id: str, attempt: int) -> BinaryIO:
        """Unbuffered, so that a reader in another process and a crash of ours lose nothing."""
        key = (pod_id, attempt)
        if key not in self._files:
            path = log_path(self.folder, pod_id, attempt)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._files[key] = os.fdopen(descriptor, "wb", buffering=0)
        return self._files[key]

    def close(self) -> None:
        """Closes the log files and gives the lock back."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()
        self._lock.close()
