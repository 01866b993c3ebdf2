"""The calls that an engine owes an answer to: told when they take long, in the end given up.

An engine may hang for ever in any of them (dockerd 20.10 does, when its network code deadlocks),
and it hangs for all that ask after it, too. `wait`, streams, pulls and builds may take their time
and are not noticed here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from localdlc.run.engine import Engine
from localdlc.run.inbox import Asked, Post

__all__ = ["Calls", "Patience"]

# What each short call is for, from its arguments.
DOING = {
    "describe": "say what it is",
    "taken_subnets": "list the networks",
    "find_image": "look for the image {0}",
    "image_names": "list the images",
    "create_network": "create the network {0}",
    "remove_network": "remove the network {0}",
    "create_volume": "create the volume {0}",
    "remove_volume": "remove the volume {0}",
    "create": "create the container {0.name}",
    "attach": "attach to a container",
    "start": "start a container",
    "signal": "send {1} to a container",
    "pause": "pause a container",
    "resume": "let a container go on",
    "cut_off": "take a container off the network {1}",
    "join": "put a container on the network {1}",
    "remove": "remove a container",
    "leftovers": "list what earlier runs left",
    "unended": "list what has not ended",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for an answer: before it is told, when the job is killed, when we are to be gone."""

    told: float = 10.0
    killed: float = 30.0
    leaving: float = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """One question; ``since`` when it waits for its answer."""

    doing: str
    since: float


class Calls:
    """One reader looks at them; any thread may make them through a `watched` engine.

    None is given up before somebody is in a hurry.
    """

    def __init__(self, post: Post, patience: Patience) -> None:
        self._post = post
        self._patience = patience
        self._told_at = 0.0
        self._hurried_at = 0.0
        self._given_up_after: float | None = None
        self._numbers = count()
        self._open: dict[int, Call] = {}

    def watched(self, engine: Engine) -> Engine:
        """The same engine; its short calls are noticed here."""
        return Watched(engine, self.under_way)

    @contextmanager
    def under_way(self, doing: str) -> Iterator[None]:
        number = next(self._numbers)
        self._open[number] = Call(doing, time.monotonic())
        self._post(Asked())
        try:
            yield
        finally:
            del self._open[number]

    def hurry(self) -> None:
        """The job is killed: from now on no answer is waited for longer than that allows."""
        self._allow(self._patience.killed)

    def leave(self) -> None:
        """Whoever started the job wants to be gone."""
        self._allow(self._patience.leaving)

    def _allow(self, seconds: float) -> None:
        self._hurried_at = time.monotonic()
        self._given_up_after = seconds

    def patience(self) -> float | None:
        """Seconds until a call of now is worth telling, or is given up; None: never."""
        waits = [self._patience.told - age for age in self._untold()]
        if self._given_up_after is not None:
            waits += [self._given_up_after - age for age in self._hurried()]
        return max(0.0, min(waits)) if waits else None

    def late(self) -> str | None:
        """A sentence on the oldest call that is worth telling. What waits beside it is told too."""
        ages = self._untold()
        if not ages or max(ages) < self._patience.told:
            return None
        self._told_at = time.monotonic()
        return f"waiting for the engine to {self.waiting_for()}"

    def waiting_for(self) -> str:
        """``create the network n (10 s), and for 2 other answers``"""
        calls = self._waiting()
        if not calls:
            return "answer"  # it just has
        others = f", and for {len(calls) - 1} other answers" if len(calls) > 1 else ""
        return f"{calls[0].doing} ({time.monotonic() - calls[0].since:.0f} s){others}"

    @property
    def given_up(self) -> bool:
        """Whether the engine has let a call wait for longer than allowed."""
        limit = self._given_up_after
        return limit is not None and max(self._hurried(), default=0.0) >= limit

    def _waiting(self) -> list[Call]:
        """Oldest first. A copy in one step: other threads ask on meanwhile."""
        return list(self._open.values())

    def _untold(self) -> list[float]:
        now = time.monotonic()
        return [now - call.since for call in self._waiting() if call.since > self._told_at]

    def _hurried(self) -> list[float]:
        now = time.monotonic()
        return [now - max(call.since, self._hurried_at) for call in self._waiting()]


class Watched:
    """An engine whose short calls are under way, as ``under_way`` is told, until they return."""

    def __init__(self, engine: Engine, under_way: Callable[[str], Any]) -> None:
        self._engine = engine
        self._under_way = under_way

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._engine, name)
        if name not in DOING:
            return method

        def call(*arguments: Any) -> Any:
            with self._under_way(DOING[name].format(*arguments)):
                return method(*arguments)

        return call
