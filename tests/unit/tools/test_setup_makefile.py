"""The Makefile: its targets describe themselves, and a run from nothing is in the right order."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TARGETS = [
    *("setup", "demo", "test", "test-fast", "test-frameworks", "check", "docs", "bench"),
    *("test-engines", "chaos"),
    *("images", "frameworks", "clean", "help"),
]


def make(*arguments: str) -> str:
    return subprocess.run(
        ("make", *arguments), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_make_alone_lists_every_target() -> None:
    listed = [line.split()[0] for line in make().splitlines()]
    assert sorted(listed) == sorted(TARGETS)


def test_a_python_can_be_given() -> None:
    assert "/my/python tools/packages.py" in make("-n", "setup", "PYTHON=/my/python")


def test_another_index_goes_to_torch_alone() -> None:
    lines = make("-n", "images", "TORCH_INDEX=file:///i").splitlines()
    told = [line for line in lines if "--index file:///i" in line]
    assert len(told) == 2
    assert all("pytorch" in line for line in told)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_demo_and_test_set_up_by_themselves(target: str) -> None:
    planned = make("-n", target)
    order = ["tools/packages.py", "tools/engine.py", "images.py base", "images.py sample"]
    places = [planned.index(step) for step in order]
    assert places == sorted(places)


def test_demo_needs_no_tensorflow() -> None:
    assert "tensorflow" not in make("-n", "demo")
