"""The JSON shape of a request: what in it says nothing, and how a request becomes JSON again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.body import ABSENT
from localdlc.spec.request import CreateJobRequest

if TYPE_CHECKING:
    from localdlc.spec.part import Part

__all__ = ["to_json", "without_absent"]


def to_json(request: CreateJobRequest) -> dict[str, Any]:
    """Write the members that were given, unknown ones included; absent ones are left out."""
    return without_absent(request.model_dump(exclude_unset=True), CreateJobRequest)


def without_absent(tree: dict[str, Any], part: type[Part]) -> dict[str, Any]:
    """Leave out members that say nothing: null, ``""``, ``[]`` and objects of only such.

    Entries of free maps such as Envs stay, and so do members the API does not know.
    """
    parts = part.parts()
    members = {name: _pruned(value, parts.get(name)) for name, value in tree.items()}
    return {
        name: value
        for name, value in members.items()
        if name not in part.model_fields or value not in ABSENT
    }


def _pruned(value: Any, part: type[Part] | None) -> Any:
    if part is None:
        return value
    if isinstance(value, list):
        return [_pruned(item, part) for item in value]
    return without_absent(value, part) if isinstance(value, dict) else value
