"""What replicas write, masked on its way: a secret that comes in two pieces is one secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from localdlc.record.events import Event, Log, ReplicaExited, ReplicaLost
from localdlc.record.masking import Mask

__all__ = ["Streams"]


class Streams:
    """Events in, masked events out. Keeps back what may be the first half of a secret."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._kept: dict[tuple[str, int, str], Log] = {}

    def __call__(self, event: Event) -> Iterator[Event]:
        if isinstance(event, Log):
            yield from self._pieces(event)
            return
        if isinstance(event, ReplicaExited | ReplicaLost):
            yield from self._rest(event.pod_id)
        yield self._mask.event(event)

    def _pieces(self, log: Log) -> Iterator[Event]:
        key = (log.pod_id, log.attempt, log.stream)
        if kept := self._kept.pop(key, None):
            log = replace(log, data=kept.data + log.data)
        size = self._mask.begun(log.data) if log.partial else 0
        if size:
            self._kept[key] = replace(log, data=log.data[-size:])
            log = replace(log, data=log.data[:-size])
        if log.data:
            yield self._mask.event(log)

    def _rest(self, pod_id: str) -> Iterator[Event]:
        """What a replica has begun and not ended is no secret."""
        for key in [key for key in self._kept if key[0] == pod_id]:
            yield self._mask.event(self._kept.pop(key))
