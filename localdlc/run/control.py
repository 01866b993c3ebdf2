"""What a running job shares with others: how they reach it, and what the engine owes it."""

from __future__ import annotations

from localdlc.record.events import StopRequested
from localdlc.run.calls import Calls, Patience
from localdlc.run.inbox import Inbox, Kill

__all__ = ["Control"]


class Control:
    """Its methods may be called from any thread and from a signal handler."""

    def __init__(self, patience: Patience | None = None) -> None:
        self.inbox = Inbox()
        self.calls = Calls(self.inbox.post, patience or Patience())

    def stop(self, by: str) -> None:
        """SIGTERM, grace, SIGKILL; the verdict is Stopped."""
        self.inbox.post(StopRequested(by))

    def kill(self) -> None:
        """SIGKILL at once."""
        self.inbox.post(Kill())
