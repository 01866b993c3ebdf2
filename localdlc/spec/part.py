"""What every JSON object of a request has in common, and the shape of the whole as paths."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Int32", "Part", "leaves"]

Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Part(BaseModel):
    """A JSON object of the request.

    Every member may be absent: scalars and objects are then None, lists and maps empty. Types are
    strict (``"2"`` is no number, ``true`` no integer); members the API does not know are kept in
    ``model_extra``. What must be there is a rule, not a type, so that one look finds everything.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, defer_build=True)

    @classmethod
    @cache
    def parts(cls) -> dict[str, type[Part]]:
        """Name the members that hold an object or a list of objects, with its class."""
        found = ((name, _part_in(field.annotation)) for name, field in cls.model_fields.items())
        return {name: part for name, part in found if part is not None}


def leaves(part: type[Part], prefix: str = "") -> Iterator[str]:
    """Every member that holds a value, as in ``JobSpecs[].ResourceConfig.GPU``."""
    parts = part.parts()
    for name, field in part.model_fields.items():
        if name in parts:
            brackets = "[]" if get_origin(field.annotation) is list else ""
            yield from leaves(parts[name], f"{prefix}{name}{brackets}.")
        else:
            yield prefix + name


def _part_in(annotation: Any) -> type[Part] | None:
    """Find the class of objects in ``X | None`` or ``list[X]``."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next(filter(None, map(_part_in, get_args(annotation))), None)
