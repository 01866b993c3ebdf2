"""Whose the files are in a folder that containers write to.

A container's root writes files of root. Afterwards they are to belong to whom the folder belongs
to; what was somebody else's before the job stays so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["Identity", "foreign", "owned_by", "to_hand_over"]

Identity = tuple[int, int]
"""Device and inode: what a file is, whatever it is called."""


def owned_by(folder: Path, user: int) -> bool:
    """Whether a folder is there and belongs to ``user``: only then are its new files theirs."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user


def foreign(folder: Path, user: int) -> frozenset[Identity]:
    """Everything in a folder that is not the user's."""
    return frozenset(identity(entry) for entry in walked(folder) if owner(entry) != user)


def to_hand_over(folder: Path, user: int, before: frozenset[Identity]) -> list[Path]:
    """What is not the user's and was not there ``before``: relative paths.

    A new folder that the user may not look into is one entry; what is in it is as new.
    """
    return [
        Path(entry.path).relative_to(folder)
        for entry in walked(folder)
        if owner(entry) != user and identity(entry) not in before
    ]


def walked(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every entry below that can be seen, on the folder's own file system."""
    waiting = [str(folder)]
    device = folder.stat().st_dev
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:  # not ours to read
            for entry in entries:
                with suppress(FileNotFoundError):  # it went while we looked
                    if entry.stat(follow_symlinks=False).st_dev == device:
                        yield entry
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)


def owner(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_uid


def identity(entry: os.DirEntry[str]) -> Identity:
    status = entry.stat(follow_symlinks=False)
    return status.st_dev, status.st_ino
