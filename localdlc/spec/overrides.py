"""``--set PATH=VALUE``: one member of a request changed, or made, before it is read."""

from __future__ import annotations

import copy
import json
import re
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args

from localdlc.errors import InvalidRequest, UsageError
from localdlc.spec import body, paths

if TYPE_CHECKING:
    from localdlc.spec.paths import Step

__all__ = ["apply"]

_MOST_STEPS = 32


def apply(tree: dict[str, Any], override: str) -> dict[str, Any]:
    """Make a new tree with the override in it; the tree given stays as it is.

    PATH is dotted with indexes (``JobSpecs[0].PodCount``); VALUE is read as JSON, else as a string.
    Where the API wants a text, ``Envs.LR=0.1`` needs no quotes. Objects on the way are made; an
    index may be one past the end. Raises UsageError.
    """
    path, equals, text = override.partition("=")
    if not equals:
        # What is no path may be a secret value.
        start = re.match(r"[\w.\[\]]*", override)
        raise UsageError(f"--set {start and start[0]}: there is no '='; write PATH=VALUE")
    try:
        steps = _steps(path)
        changed: dict[str, Any] = _put(tree, steps, _value(text, steps))
    except ValueError as error:
        raise UsageError(f"--set {path}: {error}") from None
    return changed


def _steps(path: str) -> tuple[Step, ...]:
    steps = paths.parse(path.strip())
    if not steps:
        raise ValueError("there is no path before the '='")
    if len(steps) > _MOST_STEPS:
        raise ValueError(f"the path has more than {_MOST_STEPS} steps")
    return steps


def _value(text: str, steps: tuple[Step, ...]) -> Any:
    try:
        value = body.read_json(text)
    except json.JSONDecodeError:
        return text
    except InvalidRequest:
        raise ValueError("the value is nested too deeply") from None
    plain = isinstance(value, bool | int | float)
    return text if plain and _wants_text(steps) else value


def _wants_text(steps: tuple[Step, ...]) -> bool:
    """Whether the API has a string at the end of this way."""
    from localdlc.spec.request import CreateJobRequest

    wanted: Any = CreateJobRequest
    for step in steps:
        wanted = _member(wanted, step)
    return wanted is str


def _member(wanted: Any, step: Step) -> Any:
    """The type of a member, an item or a map's value; None where the API knows none."""
    if isinstance(step, str) and hasattr(wanted, "model_fields"):
        field = wanted.model_fields.get(step)
        found = field.annotation if field else None
        return get_args(found)[0] if isinstance(found, UnionType) else found  # X of X | None
    kinds = get_args(wanted)
    return kinds[-1] if kinds else None


def _put(node: Any, steps: tuple[Step, ...], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        members = _copy_of(node, dict, step)
        members[step] = _put(members.get(step), rest, value)
        return members
    items = _copy_of(node, list, f"[{step}]")
    if step > len(items):
        raise ValueError(f"index {step} is past the end; the list has {len(items)} items")
    items[step : step + 1] = [_put(items[step] if step < len(items) else None, rest, value)]
    return items


def _copy_of(node: Any, kind: type, step: str) -> Any:
    if isinstance(node, kind):
        return copy.copy(node)
    if node in body.ABSENT:
        return kind()
    parent = "an object" if kind is dict else "a list"
    raise ValueError(f"{step} needs {parent}, but the request has something else there")
