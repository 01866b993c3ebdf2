"""Log files of a job, read along while they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from localdlc.record.log_file import LogLine, attempt_of, pod_of
from localdlc.record.log_query import Line, LogQuery
from localdlc.record.store import Store
from localdlc.service.looking import chosen_pods

__all__ = ["Following"]

BLOCK = 1 << 20


class Following:
    """What is new in the logs of one job, whenever it is asked for."""

    def __init__(self, store: Store, job_id: str, query: LogQuery) -> None:
        """Raises `NotFound` for a replica that the plan does not know."""
        self._store = store
        self._job_id = job_id
        self._query = query
        self._tails: dict[Path, Tail] = {}
        plan = store.read_plan(job_id)["replicas"]
        known = {replica["pod_id"]: list[Path]() for replica in plan}
        self._pods = set(chosen_pods(job_id, query.pods, known)) if query.pods else None

    def lines(self) -> Iterator[Line]:
        """Those that are whole by now, replica by replica."""
        for pod_id, paths in self._store.log_files(self._job_id).items():
            if self._pods is not None and pod_id not in self._pods:
                continue
            attempts = {attempt_of(path): path for path in paths}
            yield from self._query.chosen(
                Line(pod_id, attempt, *line)
                for attempt in self._query.attempts(attempts)
                for line in self._tails.setdefault(attempts[attempt], Tail()).read(
                    attempts[attempt]
                )
            )
        self._query = replace(self._query, tail=None)

    def rest(self) -> Iterator[Line]:
        """Lines that never ended."""
        for path, tail in self._tails.items():
            pod_id, attempt = pod_of(path), attempt_of(path)
            yield from self._query.chosen(Line(pod_id, attempt, *line) for line in tail.rest())

    def rewind(self) -> None:
        """Another supervisor may have taken out of the files what was no whole line."""
        for path, tail in self._tails.items():
            tail.rewind(path)


class Tail:
    """One file: its lines, each once."""

    def __init__(self) -> None:
        self._at = 0
        self._torn = b""
        self._pieces: dict[str, list[bytes]] = {}
        self._time = ""
        self._read = Counter[str]()
        self._skip = Counter[str]()

    def read(self, path: Path) -> Iterator[LogLine]:
        with path.open("rb") as file:
            file.seek(self._at)
            while block := file.read(BLOCK):
                self._at += len(block)
                *records, self._torn = (self._torn + block).split(b"\n")
                for record in records:
                    yield from self._line(record)

    def rest(self) -> Iterator[LogLine]:
        for stream, pieces in self._pieces.items():
            yield self._time, stream, b"".join(pieces)

    def rewind(self, path: Path) -> None:
        """To the beginning of what has begun; whole lines stay where they are, and in order."""
        if self._pieces or self._torn:
            self._at, self._torn, self._skip = 0, b"", self._read.copy()
            self._pieces.clear()
            self._read.clear()

    def _line(self, record: bytes) -> Iterator[LogLine]:
        parts = record.split(b" ", 3)
        if len(parts) < 4:  # its writer was killed in the middle
            return
        self._time, stream = parts[0].decode(), parts[1].decode()
        pieces = self._pieces.setdefault(stream, [])
        pieces.append(parts[3])
        if parts[2] == b"P":
            return
        del self._pieces[stream]
        self._read[stream] += 1
        if self._read[stream] > self._skip[stream]:
            yield self._time, stream, b"".join(pieces)
