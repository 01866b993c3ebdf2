"""Buckets and the objects in them, in memory or in files."""

from __future__ import annotations

import hashlib
import os
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import RLock

from .messages import Slice

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """An object. ``etag`` without quotes; ``crc`` is CRC-64/XZ, which OSS calls crc64ecma."""

    content: bytes | Path
    size: int
    etag: str
    crc: int
    modified: float
    kind: str = "Normal"

    def part(self, start: int, count: int) -> bytes | Slice:
        if isinstance(self.content, bytes):
            return self.content[start : start + count]
        return Slice(self.content, start, count)


@dataclass(slots=True)
class Bucket:
    """Objects by key. What is put here from the side is there for clients as if uploaded."""

    name: str
    public: bool = False
    objects: dict[str, Stored] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    def put(self, key: str, content: bytes, kind: str = "Normal", etag: str = "") -> Stored:
        stored = Stored(
            content, len(content), etag or md5(content), crc64()(content), time.time(), kind
        )
        self.hold(key, stored)
        return stored

    def hold(self, key: str, stored: Stored) -> None:
        with self.lock:
            if key not in self.objects:
                insort(self.keys, key)
            self.objects[key] = stored

    def remove(self, key: str) -> None:
        with self.lock:
            if self.objects.pop(key, None):
                del self.keys[bisect_left(self.keys, key)]

    def serve(self, folder: Path, prefix: str = "") -> None:
        """Adds all files under ``folder``. They are read now for their sums, and must stay."""
        # Hard links are read once, so that 10 GB may be served without being written.
        sums: dict[tuple[int, int], tuple[str, int]] = {}
        for path in files(folder):
            stat = path.stat()
            inode = (stat.st_dev, stat.st_ino)
            if inode not in sums:
                sums[inode] = sums_of(path)
            stored = Stored(path, stat.st_size, *sums[inode], stat.st_mtime)
            self.objects[prefix + path.relative_to(folder).as_posix()] = stored
        self.keys[:] = sorted(self.objects)

    def read(self, key: str) -> bytes:
        content = self.objects[key].content
        return content if isinstance(content, bytes) else content.read_bytes()


@dataclass(slots=True)
class Upload:
    """A multipart upload that goes on; parts by their number."""

    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


def files(folder: Path) -> Iterator[Path]:
    for at, _, names in os.walk(folder):
        yield from (Path(at, name) for name in names)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest().upper()


def sums_of(path: Path) -> tuple[str, int]:
    digest, crc = hashlib.md5(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            crc = crc64()(block, crc)
    return digest.hexdigest().upper(), crc


@cache
def crc64() -> Callable[..., int]:
    """The function of bytes and, to go on, of the sum so far."""
    import crcmod

    function: Callable[..., int] = crcmod.mkCrcFun(
        0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF
    )
    return function
