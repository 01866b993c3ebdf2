"""What all that brings an input of a job has in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from localdlc.record.events import Event

__all__ = ["InputTask", "Post"]

Post = Callable[[Event], None]


class InputTask(Protocol):
    """Brings one input, can be called off, and tidies up after the job."""

    def __call__(self, post: Post) -> None:
        """Posts `InputStaged`; raises `InputError` that names what is not there."""

    def cancel(self) -> None:
        """Ends what is under way, and waits until nobody writes into the folder."""

    def leave(self) -> Path | None:
        """After the job: removes what was brought; returns the folder if it stays."""
