"""Samples on disk: ``metrics/<PodId>.<attempt>.csv`` of a job, and ``metrics/host.csv``.

Counters and not rates are kept, so that a rate over any time is exact. A line is appended in one
write, and any process may read along: what is not a whole line yet is left for the next time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from localdlc.record.usage import GpuUse, HostUse, Sample, Usage

__all__ = [
    "HOST",
    "HOST_HEAD",
    "SAMPLE_HEAD",
    "Appended",
    "Tail",
    "host_row",
    "path_of",
    "sample_row",
    "samples",
]

FOLDER = "metrics"
HOST = f"{FOLDER}/host.csv"
USAGE = tuple(member.name for member in fields(Usage))
GPU = tuple(member.name for member in fields(GpuUse))
HOST_HEAD = tuple(member.name for member in fields(HostUse))
SAMPLE_HEAD = ("time", *USAGE, *(f"gpu_{name}" for name in GPU))
DECIMAL = frozenset({"time", "cpu", "cores", "core"})


def path_of(folder: Path, pod_id: str, attempt: int) -> Path:
    return folder / FOLDER / f"{pod_id}.{attempt}.csv"


class Appended:
    """A file of samples being written; its folder is made with the first line."""

    def __init__(self, path: Path, head: tuple[str, ...]) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        if not os.fstat(descriptor).st_size:
            self._file.write(row(head))

    def add(self, cells: tuple[object, ...]) -> None:
        self._file.write(row(cells))

    def close(self) -> None:
        self._file.close()


def row(cells: tuple[object, ...]) -> bytes:
    return (",".join(map(text, cells)) + "\n").encode()


def text(cell: object) -> str:
    return "" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def sample_row(sample: Sample) -> tuple[object, ...]:
    gpu = sample.gpu
    return (
        sample.time,
        *(getattr(sample.usage, name) for name in USAGE),
        *(getattr(gpu, name) if gpu else None for name in GPU),
    )


def host_row(use: HostUse) -> tuple[object, ...]:
    return tuple(getattr(use, name) for name in HOST_HEAD)


class Tail:
    """What has been added to a file of samples since it was last looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> Iterator[list[str]]:
        """Each whole line, divided, the head aside."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                whole, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        first = 0 if self._offset else 1
        self._offset += len(whole) + len(end)
        for line in whole.decode().split("\n")[first:] if end else ():
            yield line.split(",")

    def samples(self) -> Iterator[Sample]:
        """None where nothing was sampled."""
        for line in self.lines():
            cells = dict(zip(SAMPLE_HEAD, line, strict=False))
            if len(cells) == len(SAMPLE_HEAD):
                gpu = {name: value(name, cells[f"gpu_{name}"]) for name in GPU}
                usage = Usage(**{name: value(name, cells[name]) for name in USAGE})
                known = gpu["memory"] is not None
                yield Sample(float(cells["time"]), usage, GpuUse(**gpu) if known else None)

    def host_uses(self) -> Iterator[HostUse]:
        for line in self.lines():
            if len(line) == len(HOST_HEAD):
                cells = zip(HOST_HEAD, line, strict=True)
                yield HostUse(**{name: value(name, cell) for name, cell in cells})


def samples(path: Path) -> Iterator[Sample]:
    return Tail(path).samples()


def value(name: str, cell: str) -> Any:
    if not cell:
        return None
    return float(cell) if name in DECIMAL else int(cell)
