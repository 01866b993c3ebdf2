"""Secrets out of everything that is shown or stored, by value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localdlc.record.events import Event

__all__ = ["MASK", "Mask"]

MASK = "***"

# Members of events that hold our own words. A secret that happens to be "worker" or "Running" must
# not change who a replica is or which status a job has.
OURS = frozenset(
    {"pod_id", "pod_uid", "container_id", "ip", "deciding_replica", "names", "signal", "stream"}
    | {"from_", "to", "status", "reason_code", "kind", "job_type", "by"}
)

# Shorter values ("1", "true", "root") are in every other line; hiding them would hide the log.
# They are still masked wherever their name is known.
SHORTEST = 6


class Mask:
    """Replaces secret values, longest first so that none survives as part of another."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: list[str] = []
        self._bytes: list[bytes] = []
        self.learn(values)

    def learn(self, values: Iterable[str]) -> None:
        """More secrets, from any thread: keys that were fetched, for example."""
        # Output comes line by line, so each line of a key file is a secret of its own.
        lines = {line for value in values for line in (value, *value.splitlines())}
        chosen = {*self._values, *(line for line in lines if len(line) >= SHORTEST)}
        self._values = sorted(chosen, key=lambda value: (-len(value), value))
        self._bytes = [value.encode() for value in self._values]

    def text(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def data(self, data: bytes) -> bytes:
        for value in self._bytes:
            data = data.replace(value, MASK.encode())
        return data

    def event(self, event: Event) -> Event:
        """The event with every text in it masked, our own words aside."""
        if not self._values:
            return event
        members = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
        masked = {k: v if k in OURS else self.value(v) for k, v in members.items()}
        return dataclasses.replace(event, **masked)

    def value(self, value: Any) -> Any:
        """Any JSON-like value, masked throughout."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.data(value)
        if isinstance(value, dict):
            return {key: self.value(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(member) for member in value)
        return value
