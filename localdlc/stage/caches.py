"""All caches of a home: what is in them, how large and how old, and taking it out again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISDIR
from typing import Literal

from localdlc.stage.locks import Held, alone

__all__ = ["KINDS", "Cached", "cached", "drop", "remove"]

Kind = Literal["data", "code", "wheels"]

GONE = "gone-"
KINDS: tuple[Kind, ...] = ("data", "code", "wheels")
# What a job sees of it, or will; beside that are locks and notes of ours.
CONTENT: dict[Kind, tuple[str, ...]] = {
    "data": ("tree-*/files/**/*", "incoming/files/**/*"),
    "code": ("**/*",),
    "wheels": ("wheels/*.whl",),
}
WHOLE: dict[Kind, str] = {"data": "tree-*", "code": "HEAD", "wheels": "wheels"}


@dataclass(frozen=True, slots=True)
class Cached:
    """One source of data, one bare clone, or one set of wheels.

    ``source`` is the Uri or repository as far as it is known; ``files`` and ``bytes`` count what
    several trees share once; ``used`` is when a job last wanted it, in UTC; ``in_use``: by a
    running job; ``whole``: not merely begun.
    """

    kind: Kind
    key: str
    source: str
    files: int
    bytes: int
    used: datetime
    in_use: bool
    whole: bool
    folder: Path

    @property
    def empty(self) -> bool:
        """Nothing is in it yet, or somebody was killed before there was."""
        return not (self.whole or self.files)

    def named(self, name: str) -> bool:
        """Whether a user means it: by its key, the beginning of that, or its source."""
        return self.key.startswith(name) or self.source.rstrip("/") == name.rstrip("/")


def cached(home: Path) -> list[Cached]:
    """Everything, the latest used first."""
    found = [entry(kind, folder) for kind in KINDS for folder in folders(home, kind)]
    return sorted(filter(None, found), key=lambda one: one.used, reverse=True)


def folders(home: Path, kind: Kind) -> Iterator[Path]:
    """Those in use, and not what is on its way in or out."""
    pattern = "*.git" if kind == "code" else "[0-9a-f]*"
    yield from (home / "cache" / kind).glob(pattern)


def entry(kind: Kind, folder: Path) -> Cached | None:
    """None for what somebody removes meanwhile."""
    files, size = extent(kind, folder)
    try:
        used = last_used(folder)
    except FileNotFoundError:
        return None
    with ExitStack() as locks:
        in_use = not taken(kind, folder, locks)
    whole = any(folder.glob(WHOLE[kind]))
    source = SOURCES[kind](folder)
    return Cached(kind, folder.name, source, files, size, used, in_use, whole, folder)


def extent(kind: Kind, folder: Path) -> tuple[int, int]:
    """Files and bytes; what has several names counts once, and holes do not count."""
    seen: dict[tuple[int, int], int] = {}
    for path in (path for pattern in CONTENT[kind] for path in folder.glob(pattern)):
        with suppress(FileNotFoundError):
            status = path.lstat()
            if not S_ISDIR(status.st_mode):
                held = min(status.st_size, status.st_blocks * 512)
                seen[status.st_dev, status.st_ino] = held
    return len(seen), sum(seen.values())


def last_used(folder: Path) -> datetime:
    """Of data, when a job last locked a tree; of others, when they last changed."""
    marks = [folder, *folder.glob("tree-*/users"), *folder.glob("FETCH_HEAD")]
    return datetime.fromtimestamp(max(mark.stat().st_mtime for mark in marks), UTC)


def data_source(folder: Path) -> str:
    try:
        return (folder / "source").read_text()
    except FileNotFoundError:
        return ""


def code_source(folder: Path) -> str:
    return folder.name.rpartition("-")[0]


def wheels_source(folder: Path) -> str:
    names = sorted(path.name.split("-")[0] for path in folder.glob("wheels/*.whl"))
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "") or "nothing but the image's own"


SOURCES = {"data": data_source, "code": code_source, "wheels": wheels_source}


def taken(kind: Kind, folder: Path, locks: ExitStack) -> bool:
    """Takes every lock that somebody at work would hold, until ``locks`` are let go."""
    lock = folder.with_suffix(".lock") if kind == "code" else folder / "lock"
    for path in (lock, *folder.glob("tree-*/users")):
        held = alone(path)
        if held is None:
            return False
        locks.callback(Held.let_go, held)
    return True


def remove(one: Cached) -> bool:
    """Takes it out, unless a job uses it; says whether it is gone."""
    for wreck in one.folder.parent.glob(f"{GONE}*"):  # somebody was killed here
        shutil.rmtree(wreck, ignore_errors=True)
    with ExitStack() as locks:
        if not taken(one.kind, one.folder, locks):
            return False
        drop(one.folder)
        return True


def drop(folder: Path) -> None:
    """Takes out what is locked by the caller.

    It is renamed first: what is half removed must not be taken for whole.
    """
    gone = folder.with_name(f"{GONE}{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)  # somebody was killed here
    shutil.rmtree(folder.rename(gone), ignore_errors=True)
