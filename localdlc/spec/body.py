"""From the bytes of a body to its JSON tree, with everything that JSON itself can get wrong."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from math import isfinite
from typing import TYPE_CHECKING, Any

from localdlc.spec.paths import Step, written
from localdlc.spec.problems import invalid, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import InvalidRequest, Problem

__all__ = [
    "ABSENT",
    "children",
    "encodable",
    "flaws",
    "parse",
    "read_json",
    "refuse_depth",
    "size_flaw",
]

ABSENT: tuple[Any, ...] = (None, "", [], {})
"""What the service itself writes for a member that is not given."""

_MOST_READ = 1 << 20
_MOST_SENT = 65_536
_MOST_LEVELS = 64
_INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(data: bytes) -> dict[str, Any]:
    """Read the JSON object in a body; InvalidRequest says why there is none."""
    if len(data) > _MOST_READ:
        raise _unreadable(
            f"the body has {len(data):,} bytes; a request has at most {_MOST_SENT:,}"
            f" (a body over {_MOST_READ:,} is not even read)"
        )
    try:
        tree = read_json(_decoded(data))
    except json.JSONDecodeError as error:
        raise _unreadable(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    if not isinstance(tree, dict):
        raise _unreadable('the body must be a JSON object, as in {"DisplayName": …}')
    return tree


def read_json(text: str) -> Any:
    """Like ``json.loads``, but remembers repeated members and never chokes on long digits."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError:
        raise _too_deep() from None


def refuse_depth(tree: Any) -> None:
    """Nothing downstream need fear recursion."""
    floor, levels = [tree], 0
    while floor:
        levels += 1
        if levels > _MOST_LEVELS:
            raise _too_deep()
        floor = [child for node in floor for _, child in children(node)]


def flaws(tree: Any, at: tuple[Step, ...] = ()) -> Iterator[Problem]:
    """Repeated members, numbers no int64 or float holds, and text that cannot be passed on."""
    for name in getattr(tree, "repeated", ()):
        yield invalid(written((*at, name)), "is given more than once; keep one")
    sentence = _number_flaw(tree) if isinstance(tree, int | float) else _text_flaw(tree)
    if sentence:
        yield invalid(written(at), sentence)
    for step, child in children(tree):
        name_flaw = _text_flaw(step)
        if name_flaw:
            yield invalid(written((*at, step)), f"the name {name_flaw}")
        yield from flaws(child, (*at, step))


def encodable(tree: Any) -> Any:
    """Replace half surrogate pairs, which no UTF-8 can carry, by ``?``."""
    return json.loads(json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))


def size_flaw(tree: Any) -> str:
    """Say by how much a request is too long, as the compact JSON that the SDK would send."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    length = len(text.encode("utf-8", "replace"))
    if length <= _MOST_SENT:
        return ""
    return f"the request has {length:,} bytes as compact JSON; {_MOST_SENT:,} are allowed"


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its members came more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    members = _Object(pairs)
    if len(members) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        members.repeated = tuple(name for name, count in counts.items() if count > 1)
    return members


def _integer(digits: str) -> int:
    # CPython refuses to convert thousands of digits; any such number is out of range alike.
    return int(digits) if len(digits) <= 20 else _INT64.stop


def _decoded(data: bytes) -> str:
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]:
        raise _unreadable("the body is UTF-16 or UTF-32; save it as UTF-8")
    try:
        return data.removeprefix(mark).decode()
    except UnicodeDecodeError as error:
        raise _unreadable(
            f"the body is not UTF-8: byte {data[len(mark) + error.start]:#04x}"
            f" at offset {len(mark) + error.start}"
        ) from None


def children(node: Any) -> list[tuple[Step, Any]]:
    """List the members or items of a node, with the step to each."""
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def _number_flaw(number: float) -> str:
    if isinstance(number, int):
        return "" if number in _INT64 else "is outside the 64-bit integers"
    return "" if isfinite(number) else "must be a finite number; JSON knows no NaN or Infinity"


def _text_flaw(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    if "\0" in text:
        return "holds a NUL character, which no command or variable can carry"
    return "holds half a surrogate pair, which is no character" if _SURROGATE.search(text) else ""


def _too_deep() -> InvalidRequest:
    return _unreadable(f"the body is nested deeper than {_MOST_LEVELS} levels")


def _unreadable(sentence: str) -> InvalidRequest:
    return refusal([invalid("", sentence)])
