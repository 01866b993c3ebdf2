"""A job's working tree: what git put there, and whether the job wrote more.

git itself is not asked: it would read a configuration that the job could write, and run on this
machine what it finds there.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

__all__ = ["discard", "remember"]

# What is not a file of the user's: git's own, and Python's caches.
NOT_COUNTED = frozenset({".git", "__pycache__"})


def remember(folder: Path) -> None:
    """Notes every file of a finished checkout, beside it."""
    record_of(folder).write_text(json.dumps(files(folder)))


def discard(folder: Path) -> Path | None:
    """Removes a working tree; one that the job wrote files into stays, and is returned.

    So is one that cannot be removed: what a container's root wrote is not always ours to delete. A
    checkout that was never finished has no record and nothing of the job's in it.
    """
    record = record_of(folder)
    if record.exists() and folder.exists() and files(folder) != json.loads(record.read_text()):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    record.unlink(missing_ok=True)
    return folder if folder.exists() else None


def record_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.files")


def files(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of every file that counts, by its path."""
    found = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_COUNTED]
        for name in names:
            path = Path(root, name)
            status = path.lstat()
            found[str(path.relative_to(folder))] = [status.st_size, status.st_mtime_ns]
    return found
