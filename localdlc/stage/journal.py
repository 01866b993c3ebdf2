"""What of a download is finished, on disk: a killed process does not start over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from localdlc.stage.cache import boot
from localdlc.stage.sources import Entry

__all__ = ["Journal"]

Version = tuple[str, int | None, str]


class Journal:
    """Finished files and parts, one JSON list a line: path, size, version and, of a part, start.

    What an object was is part of the line: when it changes, the line means nothing any more.
    """

    def __init__(self, path: Path) -> None:
        self.files: set[Version] = set()
        self.parts: dict[Version, set[int]] = {}
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        said = os.pread(self._handle, os.fstat(self._handle).st_size, 0)
        first, _, rest = said.partition(b"\n")
        if first == boot().encode():
            for line in rest.split(b"\n"):
                self._read(line)
            self._write(b"")  # ends a line in whose middle a process was killed
        else:  # the machine went down: what the kernel had not written yet is lost
            os.ftruncate(self._handle, 0)
            self._write(boot().encode())

    def _read(self, line: bytes) -> None:
        try:
            path, size, version, *start = json.loads(line)
        except ValueError:
            return
        if start:
            self.parts.setdefault((path, size, version), set()).add(start[0])
        else:
            self.files.add((path, size, version))

    def has(self, entry: Entry) -> bool:
        return entry[:3] in self.files

    def starts(self, entry: Entry) -> set[int]:
        """Where the finished parts of a file begin."""
        return self.parts.get(entry[:3], set())

    def file(self, entry: Entry) -> None:
        self._note(entry[:3])

    def part(self, entry: Entry, start: int) -> None:
        self._note((*entry[:3], start))

    def _note(self, line: tuple[Any, ...]) -> None:
        self._write(json.dumps(line).encode())

    def _write(self, line: bytes) -> None:
        os.write(self._handle, line + b"\n")  # one call, so that threads do not mix

    def close(self) -> None:
        os.close(self._handle)
