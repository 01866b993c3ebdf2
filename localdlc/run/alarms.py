"""What the clock has to say, and when."""

from __future__ import annotations

from collections.abc import Callable, Hashable

__all__ = ["Alarms"]

# Seconds; who waits is woken then for nothing. No lock or queue of Python's waits for centuries.
LONGEST = 86_400.0


class Alarms:
    """Each goes off once, at its time; to set it again moves it. Used on one thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at: dict[Hashable, float] = {}

    def set(self, alarm: Hashable, seconds: float) -> None:
        self._at[alarm] = self._clock() + seconds

    def clear(self, *alarms: Hashable) -> None:
        for alarm in alarms:
            self._at.pop(alarm, None)

    def clear_all(self) -> None:
        self._at.clear()

    def due(self) -> list[Hashable]:
        """Those whose time has come, the earliest first."""
        now = self._clock()
        found = sorted(
            (at, n, alarm) for n, (alarm, at) in enumerate(self._at.items()) if at <= now
        )
        alarms = [alarm for _, _, alarm in found]
        self.clear(*alarms)
        return alarms

    def patience(self) -> float | None:
        """Seconds until the next, a day at most; None without one."""
        if not self._at:
            return None
        return min(max(0.0, min(self._at.values()) - self._clock()), LONGEST)
