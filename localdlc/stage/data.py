"""Data that is on this machine: seen to be there, and left as it is."""

from __future__ import annotations

import time
from pathlib import Path

from localdlc.errors import InputError
from localdlc.plan.model import Input
from localdlc.record.events import InputStaged
from localdlc.stage.task import Post

__all__ = ["DataTask", "missing"]


class DataTask:
    """Makes sure that one data source is where the plan says. Nothing is copied."""

    def __init__(self, source: Input) -> None:
        self._input = source

    def __call__(self, post: Post) -> None:
        """Posts `InputStaged`; raises `InputError` when the folder is missing or unreadable."""
        began = time.monotonic()
        folder = Path(self._input.source)
        try:
            if not folder.exists():
                raise self._wrong(missing(folder))
        except OSError as error:  # no right to look, or a name that no folder can have
            raise self._wrong(f"{folder}: {error.strerror}") from error
        post(
            InputStaged(
                kind="data",
                uri=self._input.uri,
                bytes=None,
                files=None,
                seconds=round(time.monotonic() - began, 3),
                cached=True,
                detail=f"{folder} is mounted at {self._input.target}",
            )
        )

    def _wrong(self, why: str) -> InputError:
        """With what asked for it; a folder that is named as such is told anyway."""
        source = self._input
        asked = (source.where, source.uri if source.uri != source.source else "")
        return InputError(": ".join(filter(None, (*asked, why))))

    def cancel(self) -> None:
        """It takes no time."""

    def leave(self) -> None:
        """It is the user's."""


def missing(folder: Path) -> str:
    """What is wrong with a path that does not exist, and the neighbour that was probably meant."""
    parent = next(p for p in folder.parents if p.exists())
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    wanted = folder.relative_to(parent).parts[0]
    import difflib

    close = difflib.get_close_matches(wanted, names, 1)
    hint = f" Did you mean {parent / close[0]}?" if close else ""
    return f"there is no folder {folder} on this machine.{hint}"
