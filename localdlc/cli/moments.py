"""Times on the command line: ``2h`` ago, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

__all__ = ["MOMENT", "Moment"]

AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[datetime]):
    """``90s``, ``10m``, ``2h``, ``7d`` or ``1w`` ago; a date or a time in ISO 8601.

    A time without a zone is this machine's.
    """

    name = "when"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if ago := AGO.fullmatch(value.strip()):
            number, unit = ago.groups()
            try:
                return datetime.now(UTC) - timedelta(**{UNITS[unit]: float(number)})
            except OverflowError:
                self.fail(f"{value!r} is before all time", param, ctx)
        try:
            return datetime.fromisoformat(value.strip()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time; write 90s, 10m, 2h or 7d (ago), or 2026-11-22T06:00",
                param,
                ctx,
            )


MOMENT = Moment()
