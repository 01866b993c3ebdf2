"""Modules that ``-m`` rules out as a whole are not even imported: most of them import much."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MARKS = re.compile(r"^pytestmark = (.*)$", re.MULTILINE)


def ruled_out(expression: str) -> set[str]:
    """The marks of ``not a and not b``; of anything else nothing is said here."""
    words = expression.split(" and ")
    if not all(re.fullmatch(r"not \w+", word) for word in words):
        return set()
    return {word.removeprefix("not ") for word in words}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    unwanted = ruled_out(config.option.markexpr)
    if not unwanted or collection_path.suffix != ".py":
        return None
    said = MARKS.search(collection_path.read_text(encoding="utf-8"))
    marks = set(re.findall(r"pytest\.mark\.(\w+)", said[1])) if said else set()
    return True if marks & unwanted else None
