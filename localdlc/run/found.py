"""What is known of a job whose supervisor is gone: enough for another to carry on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from localdlc.plan.progress import Ended
from localdlc.record.events import ReplicaStarted
from localdlc.run.engine import Stream

__all__ = ["Found", "FoundContainer"]


@dataclass(frozen=True, slots=True)
class FoundContainer:
    """One attempt of a replica: what was recorded of it, and its container as it is now.

    ``id`` and ``state`` are "" where there is none (any more). ``lines`` of each stream are stored.
    """

    pod_id: str
    attempt: int
    id: str
    state: str
    start: ReplicaStarted | None = None
    end: Ended | None = None
    lines: Mapping[Stream, int] = field(default_factory=dict)

    @property
    def released(self) -> bool:
        """Whether it was let start."""
        return self.start is not None or self.state not in {"", "created"}


@dataclass(frozen=True, slots=True)
class Found:
    """``containers`` are in the order of attempts, the present one of each replica last.

    ``age`` and ``running`` are the seconds since the job was created and since it is Running.
    ``told_at``: when what runs was told to stop, had its supervisor come to that; ``stopped`` is
    whether somebody asked for it.
    """

    status: str
    age: float
    running: float
    restarts: int
    containers: tuple[FoundContainer, ...]
    stopped: bool = False
    told_at: datetime | None = None
