"""Quantities and paths survive the way there and back; overrides leave their tree alone."""

from __future__ import annotations

import copy
import math
from contextlib import suppress
from typing import Any

import pytest
from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.errors import UsageError
from localdlc.spec import paths
from localdlc.spec.overrides import apply
from localdlc.spec.quantity import cpus, memory_bytes

STEPS = st.lists(
    st.text(st.characters(exclude_categories=()), max_size=5) | st.integers(0, 999_999), max_size=6
)
TREE: dict[str, Any] = {"a": {"b": [1, {"c": "d"}]}, "e": [], "f": None, "g": "h"}
PATHS = st.text("abcefgh.[]01", max_size=12) | st.sampled_from(
    ["a.b[1].c", "a.b[2]", "e[0].x", "f.x", "g"]
)


@given(st.integers(1, 2**63 - 1))
@tried(50)
def test_a_plain_number_is_itself(number: int) -> None:
    assert memory_bytes(str(number)) == number


@given(st.integers(1, 1000), st.sampled_from(["Ki", "Mi", "Gi", "Ti"]))
@tried(50)
def test_a_suffix_multiplies(number: int, suffix: str) -> None:
    scale = 1024 ** (["Ki", "Mi", "Gi", "Ti"].index(suffix) + 1)
    assert memory_bytes(f"{number}{suffix}") == number * scale


@given(st.integers(1, 10**9))
@tried(50)
def test_millicores(number: int) -> None:
    assert math.isclose(cpus(f"{number}m"), number / 1000)


@given(st.text(max_size=20) | st.text("0123456789.eE+-KMGTPikmnu", max_size=12))
@tried(200)
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    for read in (memory_bytes, cpus):
        with suppress(ValueError):
            assert read(text) > 0


@given(STEPS)
@tried(150)
def test_a_path_reads_as_it_was_written(steps: list[paths.Step]) -> None:
    assert paths.parse(paths.written(steps)) == tuple(steps)


@given(st.text(max_size=20))
@tried(100)
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        paths.parse(text)


@given(PATHS, st.sampled_from(["1", "x", "{}", '{"a": [', "null", "[1]"]))
@tried(200)
def test_an_override_leaves_its_tree_alone(path: str, value: str) -> None:
    before = copy.deepcopy(TREE)
    with suppress(UsageError):
        assert apply(TREE, f"{path}={value}") is not TREE
    assert before == TREE


def test_an_override_is_found_where_it_was_put() -> None:
    assert apply(TREE, "a.b[1].c=1")["a"]["b"][1]["c"] == 1
    with pytest.raises(UsageError):
        apply(TREE, "a.b[3]=1")
