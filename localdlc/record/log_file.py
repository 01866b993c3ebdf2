"""A replica's log file: the CRI line format, ``time stream F|P text``.

P marks a piece whose line goes on in the next record of the same stream.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from localdlc.record.events import Log
from localdlc.record.times import stamp

__all__ = ["LogLine", "attempt_of", "encode", "last_lines", "log_path", "pod_of", "read_lines"]

LogLine = tuple[str, str, bytes]
"""Time, stream, and one whole line without its newline."""


def log_path(job: Path, pod_id: str, attempt: int) -> Path:
    """``job`` is the job's folder."""
    return job / "logs" / f"{pod_id}.{attempt}.log"


def pod_of(path: Path) -> str:
    return path.name.rsplit(".", 2)[0]


def attempt_of(path: Path) -> int:
    return int(path.name.rsplit(".", 2)[1])


def encode(log: Log, time: datetime) -> bytes:
    """The records of one event. A block of lines costs two copies, however many lines it has."""
    head = f"{stamp(time)} {log.stream} ".encode()
    full = head + b"F "
    whole, _, piece = log.data.rpartition(b"\n")
    block = b""
    if whole or log.data.startswith(b"\n"):
        block = full + whole.replace(b"\n", b"\n" + full) + b"\n"
    if log.partial:
        block += head + b"P " + piece + b"\n"
    return block


def read_lines(path: Path) -> Iterator[LogLine]:
    """Every line, pieces joined; at the end of the file what is left of a line counts as one."""
    with path.open("rb") as file:
        yield from join(file)


def last_lines(path: Path, size: int = 1 << 18) -> list[LogLine]:
    """Lines of the last ``size`` bytes of the file; one that begins before them is left out."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) > size:
            file.seek(-size, os.SEEK_END)
            file.readline()
        else:
            file.seek(0)
        return list(join(file))


def join(file: BinaryIO) -> Iterator[LogLine]:
    pieces: dict[bytes, list[bytes]] = {}
    time = b""
    for record in file:
        parts = record.removesuffix(b"\n").split(b" ", 3)
        if len(parts) < 4:  # its writer died, or has only begun
            continue
        time, stream, tag, text = parts
        if tag == b"P":
            pieces.setdefault(stream, []).append(text)
            continue
        yield time.decode(), stream.decode(), b"".join([*pieces.pop(stream, ()), text])
    for stream, rest in pieces.items():
        yield time.decode(), stream.decode(), b"".join(rest)
