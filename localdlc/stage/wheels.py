"""The folder of wheels that replicas see: what pip left in it, and what we add."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from localdlc.plan.libraries import WHEELS

__all__ = ["leave_only_files", "link", "open_to_all", "publish"]

SATISFIED = "Requirement already satisfied: "


def leave_only_files(folder: Path) -> None:
    """A package that is built may write here; a link of its would lead us to files of the user's.

    Nobody else writes any more: the errand's container is gone.
    """
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif not entry.is_file(follow_symlinks=False):
            Path(entry.path).unlink()


def publish(folder: Path, lines: list[str]) -> None:
    """The files that replicas read: the wheels, and what pip (``lines``) says is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = sorted(wheel.name for wheel in folder.glob("*.whl"))
    satisfied = dict.fromkeys(line for line in lines if line.startswith(SATISFIED))
    (folder / "install.txt").write_text("".join(f"{WHEELS}/{wheel}\n" for wheel in wheels))
    (folder / "satisfied.txt").write_text("".join(f"{line}\n" for line in satisfied))
    open_to_all(folder)


def open_to_all(folder: Path) -> None:
    """Whatever the umask: a container's user may be anybody, and the folder above is ours alone."""
    for root, _, names in os.walk(folder):
        with suppress(PermissionError):  # what belongs to the container's user
            Path(root).chmod(0o755)
            for name in names:
                Path(root, name).chmod(0o644)


def link(kept: Path, folder: Path) -> None:
    """Hard links, so that emptying the cache takes nothing from a running job."""
    folder.mkdir(parents=True)
    for file in kept.iterdir():
        try:
            os.link(file, folder / file.name)
        except OSError:  # another user's file, or a file system without links
            shutil.copy(file, folder / file.name)
    folder.chmod(0o755)
