"""An engine that ends in the middle of a job, as when it is upgraded: waited for, for a while."""

from __future__ import annotations

import time
from threading import Lock

from localdlc.errors import EngineUnavailable
from localdlc.record.events import Note
from localdlc.run.calls import Calls
from localdlc.run.engine import Engine, EngineGone
from localdlc.run.inbox import Post

__all__ = ["Outage"]

# Seconds between two questions whether the engine is back.
AGAIN = 0.5


class Outage:
    """Shared by all threads that need the engine: one asks for it, the others wait for that one."""

    def __init__(self, engine: Engine, calls: Calls, post: Post, patience: float) -> None:
        """``patience`` in seconds."""
        self._engine = engine
        self._calls = calls
        self._post = post
        self._patience = patience
        self._asking = Lock()
        self._given_up = False

    def wait(self, gone: EngineGone) -> None:
        """Until the engine answers. Raises `EngineUnavailable` when that takes too long."""
        with self._asking, self._calls.under_way("be back"):
            if self._given_up:
                raise gone
            if self._answers():
                return  # it is back already, or somebody else has waited
            self._post(Note(f"the engine is gone; it is waited for, {self._patience:g} s at most"))
            began = time.monotonic()
            while time.monotonic() - began < self._patience:
                time.sleep(AGAIN)
                if self._answers():
                    self._post(Note(f"the engine is back after {time.monotonic() - began:.0f} s"))
                    return
            self._given_up = True
            raise EngineUnavailable(f"the engine was not back after {self._patience:g} s ({gone})")

    def _answers(self) -> bool:
        try:
            self._engine.describe()
        except EngineUnavailable:
            return False
        return True
