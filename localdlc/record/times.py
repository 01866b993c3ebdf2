"""How a moment is written wherever it is kept; without the events, which are slow to load."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment", "stamp"]


def stamp(moment: datetime) -> str:
    """``2026-11-22T06:00:00.123456Z``"""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
