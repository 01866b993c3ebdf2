"""From bytes to a request with sound types and rules, or to everything that is wrong with them."""

from __future__ import annotations

import copy
from functools import reduce
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from localdlc.spec import body, paths
from localdlc.spec.check import RULES, check
from localdlc.spec.familiar import familiar
from localdlc.spec.notes import notes
from localdlc.spec.overrides import apply
from localdlc.spec.problems import invalid, refusal
from localdlc.spec.request import CreateJobRequest
from localdlc.spec.shape import without_absent
from localdlc.spec.unknown import unknown_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from localdlc.errors import Problem
    from localdlc.spec.check import Rule

__all__ = ["read"]

_STRING, _WHOLE, _NUMBER, _OBJECT = "a string", "a whole number", "a number", "an object"
_WANTED: dict[str, tuple[str, Any]] = {
    "string_type": (_STRING, "?"),
    "int_type": (_WHOLE, 1),
    "float_type": (_NUMBER, 1.0),
    "bool_type": ("true or false", False),
    "list_type": ("a list", []),
    "model_type": (_OBJECT, {}),
    "dict_type": (_OBJECT, {}),
    "greater_than_equal": (_WHOLE, 1),
    "less_than": (_WHOLE, 1),
}
"""By pydantic's kind of error: what was wanted, and what stands in for it meanwhile."""


def read(
    data: bytes, overrides: Sequence[str], *, strict: bool, rules: Sequence[Rule] = ()
) -> tuple[CreateJobRequest, list[Problem]]:
    """Read the request and the notes about it; InvalidRequest has all problems in body order."""
    tree = reduce(apply, overrides, body.parse(data))
    body.refuse_depth(tree)
    spelled, remarks = familiar(tree)
    given = without_absent(spelled, CreateJobRequest)
    # Half a million problems help nobody: what is far too long is not looked into.
    if flaw := body.size_flaw(given):
        raise refusal([invalid("", flaw)])
    flawed = list(body.flaws(tree))
    request, mistyped = _typed(body.encodable(given) if flawed else given)
    unknown = list(unknown_members(request))
    problems = _unexplained(check(request, (*RULES, *rules)), _unexplained(mistyped, flawed))
    if strict:
        problems += [problem for problem in unknown if problem.code != "Note"]
    if problems:
        hints = [] if strict else unknown
        raise refusal(_in_order(problems, tree), _in_order(hints, tree))
    return request, _in_order([*remarks, *unknown, *notes(request)], tree)


def _typed(tree: dict[str, Any]) -> tuple[CreateJobRequest, list[Problem]]:
    """Read the request with stand-ins for values of a wrong type, and report those."""
    try:
        return CreateJobRequest.model_validate(tree), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
    mended: Any = copy.deepcopy(tree)
    for flaw in found:
        *way, last = flaw["loc"]
        reduce(lambda node, step: node[step], way, mended)[last] = _WANTED[flaw["type"]][1]
    problems = [
        invalid(paths.written(flaw["loc"]), _type_sentence(flaw["type"], flaw["input"]))
        for flaw in found
    ]
    return CreateJobRequest.model_validate(mended), problems


def _type_sentence(kind: str, given: Any) -> str:
    """Say what was wanted and what was there; the value itself may be a secret."""
    wanted = _WANTED[kind][0]
    if kind in ("greater_than_equal", "less_than"):
        return "must fit into 32 bits"
    hint = ""
    if wanted == _STRING and isinstance(given, int | float):
        hint = "; put it between quotes"
    elif wanted in (_WHOLE, _NUMBER) and isinstance(given, str):
        hint = "; take the quotes off" if _is_number(given) else ""
    return f"must be {wanted}, not {_kind_of(given)}{hint}"


def _kind_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return "a fraction" if isinstance(value, float) else _NUMBER
    return _STRING if isinstance(value, str) else "a list" if isinstance(value, list) else _OBJECT


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").replace(".", "", 1).isdecimal()


def _unexplained(problems: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """Leave out problems at or below a known one: they follow from it."""
    places = {problem.path for problem in known}
    fresh = [p for p in problems if places.isdisjoint(paths.ancestry(p.path))]
    return known + fresh


def _in_order(problems: Iterable[Problem], tree: Any) -> list[Problem]:
    """By where they are in the body; what is missing counts as its parent."""
    places = {path: index for index, path in enumerate(_places(tree, ()))}

    def place(problem: Problem) -> int:
        return next(places[way] for way in paths.ancestry(problem.path) if way in places)

    return sorted(dict.fromkeys(problems), key=place)


def _places(node: Any, at: tuple[paths.Step, ...]) -> Iterable[str]:
    yield paths.written(at)
    for step, child in body.children(node):
        yield from _places(child, (*at, step))
