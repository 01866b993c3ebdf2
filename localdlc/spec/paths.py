"""How a place in a request is written: ``JobSpecs[0].PodCount``, ``Envs["a.b"]``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Step", "ancestry", "below", "parse", "written"]

Step = str | int
"""A member's name or an index."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(rf'\.?({_PLAIN.pattern})|\[(\d{{1,6}})\]|\[("(?:[^"\\]|\\.)*")\]')


def written(steps: Iterable[Step]) -> str:
    """Write the path of these steps; the whole body is ``""``."""
    return "".join(map(_one, steps)).removeprefix(".")


def below(path: str, step: Step) -> str:
    """Write the path of a member or item of what lies at the path."""
    return (path + _one(step)).removeprefix(".")


def parse(path: str) -> tuple[Step, ...]:
    """Read the steps of a path; ValueError with a sentence when it is none."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or path.startswith(".", at) != (bool(steps) and found[1] is not None):
            raise ValueError(f"{path!r} is no path at character {at + 1}")
        steps.append(_step(found))
        at = found.end()
    return tuple(steps)


def ancestry(path: str) -> Iterator[str]:
    """Give the path, its parent, and so on up to the whole body."""
    steps = parse(path)
    return (written(steps[:length]) for length in range(len(steps), -1, -1))


def _one(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{_quoted(step)}]"


def _quoted(name: str) -> str:
    # Half a surrogate pair can be neither printed nor stored: it stays an escape.
    text = json.dumps(name, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _step(found: re.Match[str]) -> Step:
    name, index, quoted = found.groups()
    if name is not None:
        return str(name)
    return int(index) if index is not None else str(json.loads(quoted))
