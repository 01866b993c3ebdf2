"""One step of set-up: whose line, how long, and how it ended."""

from __future__ import annotations

import re
import subprocess
import sys

from tools import step


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, step.__file__, "toy", *command),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_every_line_has_the_name_and_the_time() -> None:
    done = run("sh", "-c", "echo one; echo; echo two >&2")
    assert done.returncode == 0
    lines = [line.split(" | ") for line in done.stdout.splitlines()]
    assert [text for _, text in lines] == ["one", "two", "done"]
    assert all(re.fullmatch(r" +toy +\d+\.\d s", start) for start, _ in lines)


def test_a_failure_is_passed_on() -> None:
    done = run("sh", "-c", "exit 7")
    assert done.returncode == 7
    assert done.stdout.endswith("failed (7)\n")
