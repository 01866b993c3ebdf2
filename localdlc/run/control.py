"""How others reach a running job."""

from __future__ import annotations

from localdlc.record.events import StopRequested
from localdlc.run.inbox import Inbox, Kill

__all__ = ["Control"]


class Control:
    """Its methods may be called from any thread and from a signal handler."""

    def __init__(self) -> None:
        self.inbox = Inbox()

    def stop(self, by: str) -> None:
        """SIGTERM, grace, SIGKILL; the verdict is Stopped."""
        self.inbox.post(StopRequested(by))

    def kill(self) -> None:
        """SIGKILL at once."""
        self.inbox.post(Kill())
