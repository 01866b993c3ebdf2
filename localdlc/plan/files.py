"""Job files: what a replica finds in its container that neither image nor input brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from localdlc.plan.model import Mount

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PLACEHOLDER", "PRIVATE", "File", "Made", "mounts"]

Made = Literal["", "ssh-key", "ssh-public-key", "munge-key"]
"""A secret that staging makes at random, once a job. The two of ssh belong together."""

PLACEHOLDER = "{}"

# Where a replica's shell keeps its own copy of a key: in memory, which ends with the container.
PRIVATE = "/dev/shm/.localdlc"  # noqa: S108 - of one user, in a replica


@dataclass(frozen=True, slots=True)
class File:
    """A file at ``path`` in a container, for every user there and for nobody else to read.

    What is ``made`` goes where ``text`` has `PLACEHOLDER`, so that no plan ever holds it. The owner
    is whoever runs localdlc; a program that wants a key to be its own takes a copy to `PRIVATE`.
    """

    path: str
    text: str = PLACEHOLDER
    mode: int = 0o444
    made: Made = ""

    def to_json(self) -> dict[str, Any]:
        mode = f"{self.mode:04o}"
        return {"path": self.path, "mode": mode, "made": self.made, "text": self.text}


def mounts(files: tuple[File, ...], folder: Path) -> tuple[Mount, ...]:
    """One a file; ``folder`` holds them by their paths, ``jobs/<JobId>/files/<PodId>``."""
    return tuple(Mount(f"{folder}{file.path}", file.path, read_only=True) for file in files)
