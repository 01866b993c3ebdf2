"""Members that the API does not know: kept, and reported with what was probably meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localdlc.errors import Problem
from localdlc.spec import fields
from localdlc.spec.familiar import TOLERATED
from localdlc.spec.part import Part
from localdlc.spec.paths import Step, written
from localdlc.spec.problems import nearest, note, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["misspelt", "unknown_members"]


def unknown_members(part: Part, at: tuple[Step, ...] = ()) -> Iterator[Problem]:
    """Report each; the few that real requests carry with a note only."""
    for name in part.model_extra or {}:
        yield _unknown(type(part), name, written((*at, name)))
    for name in type(part).parts():
        held = getattr(part, name)
        if isinstance(held, Part):
            yield from unknown_members(held, (*at, name))
        for index, item in enumerate(held if isinstance(held, list) else []):
            yield from unknown_members(item, (*at, name, index))


def misspelt(part: Part, name: str) -> str:
    """Say which unknown member was probably meant for a missing one, if any."""
    found = next((other for other in part.model_extra or {} if nearest(other, [name])), None)
    return f"; {quoted(found)} seems to be meant for it" if found else ""


def _unknown(part: type[Part], name: str, path: str) -> Problem:
    general = re.sub(r"\[\d+\]", "[]", path)
    if general in TOLERATED:
        return note(path, TOLERATED[general])
    meant = nearest(name, part.model_fields)
    if meant:
        return Problem(path, "UnsupportedParameter", f"is unknown; did you mean {meant}?")
    home = _home_of(name)
    hint = f"; it belongs in {home}" if home else ""
    return Problem(path, "UnsupportedParameter", f"is unknown and has no effect{hint}")


def _home_of(name: str) -> str | None:
    """Find the only place in the API that has a member of this name."""
    homes = [path for path in fields.ROWS if path.rpartition(".")[2] == name]
    return homes[0] if len(homes) == 1 else None
