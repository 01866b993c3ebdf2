"""`run` in a real terminal: the live view, its keys, and lines where no terminal is."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest
from engines import PATIENCE, CommandLine, as_json, job

pytestmark = pytest.mark.engine

COLUMNS, ROWS = 100, 40
# Says something, and then waits to be stopped.
TALK = "echo hello from $RANK; sleep 600"


class Terminal:
    """A process in a terminal of its own, whose screen can be looked at."""

    def __init__(self, command: list[str], columns: int, **variables: str) -> None:
        self.screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self.all = b""
        known = {k: v for k, v in os.environ.items() if k not in {"CI", "NO_COLOR"}}
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.terminal, self._theirs = ours, theirs
        self.child = os.fork()
        if self.child == 0:
            os.login_tty(theirs)
            os.execve(command[0], command, {**known, "TERM": "xterm", **variables})

    def until(self, seen: Callable[[str], bool]) -> str:
        """The screen, once ``seen`` says yes to it."""
        end = time.monotonic() + PATIENCE
        while not seen(self.text):
            if not self._read(end - time.monotonic()):
                pytest.fail(f"it did not come:\n{self.text}")
        return self.text

    def press(self, key: str) -> None:
        os.write(self.terminal, key.encode())

    def exit_code(self) -> int:
        while not (ended := os.waitpid(self.child, os.WNOHANG))[0]:
            self._read(0.05)
        while self._read(0):
            pass
        return os.waitstatus_to_exitcode(ended[1])

    def hang_up(self) -> int:
        """The terminal goes away; returns how its process ends then."""
        os.close(self.terminal)
        self.terminal = os.dup(self._theirs)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip()

    def settings(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        os.close(self.terminal)
        os.close(self._theirs)

    def _read(self, patience: float) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], max(patience, 0))
        if ready:
            data = os.read(self.terminal, 1 << 16)
            self.all += data
            self._stream.feed(data)
        return bool(ready)


@pytest.fixture
def started(tmp_path: Path, nothing_is_left: None) -> Iterator[Callable[..., Terminal]]:
    open_terminals: list[Terminal] = []

    def start(*, columns: int = COLUMNS, **variables: str) -> Terminal:
        file = tmp_path / "job.json"
        file.write_bytes(as_json(job(TALK, {"Master": 1, "Worker": 1})))
        command = [sys.executable, "-m", "localdlc", "run", str(file), "--home"]
        terminal = Terminal([*command, str(tmp_path / "home")], columns, **variables)
        open_terminals.append(terminal)
        return terminal

    yield start
    for terminal in open_terminals:
        terminal.close()


def both_talk(text: str) -> bool:
    return "master-0 | hello from 0" in text and "worker-0 | hello from 1" in text


def test_a_job_in_a_terminal_is_seen_filtered_and_stopped(
    started: Callable[..., Terminal],
) -> None:
    terminal = started()
    terminal.until(both_talk)
    text = terminal.until(lambda text: "f logs of: all replicas" in text)
    below = text[text.index("── PyTorchJob") :].splitlines()
    assert [row.split()[:2] for row in below[1:3]] == [
        ["master-0", "Running"],
        ["worker-0", "Running"],
    ]
    terminal.press("f")
    terminal.until(lambda text: "f logs of: master-0" in text)
    terminal.press("q")
    terminal.until(lambda text: "Stopped: " in text)
    assert terminal.exit_code() == 5
    assert "──" not in terminal.text
    assert terminal.text.splitlines()[-1].startswith("Stopped: ")
    assert terminal.settings() == terminal.before


def test_a_job_that_is_left_goes_on_and_can_be_stopped(
    started: Callable[..., Terminal], localdlc: CommandLine
) -> None:
    terminal = started()
    terminal.until(both_talk)
    terminal.until(lambda text: "d detach" in text and "Running" in text)
    terminal.press("d")
    terminal.until(lambda text: "goes on by itself" in text)
    assert terminal.exit_code() == 0
    assert terminal.settings() == terminal.before
    assert "lost its supervisor" not in localdlc("list").err
    assert localdlc("stop", "last").code == 0
    view = json.loads(localdlc("show", "last", "-o", "json").out)
    assert view["Status"] == "Stopped"
    assert [pod["StatusDetail"]["ExitCode"] for pod in view["Pods"]] == [143, 143]
    lines = localdlc("logs", "last", "--grep", "hello").lines
    assert lines == ["master-0 | hello from 0", "worker-0 | hello from 1"]


def test_a_terminal_that_goes_away_stops_the_job(
    started: Callable[..., Terminal], localdlc: CommandLine
) -> None:
    terminal = started()
    terminal.until(both_talk)
    assert terminal.hang_up() == 129
    assert json.loads(localdlc("show", "last", "-o", "json").out)["Status"] == "Stopped"


def test_a_shell_in_a_replica_and_back_again(started: Callable[..., Terminal]) -> None:
    terminal = started()
    terminal.until(both_talk)
    terminal.until(lambda text: "s shell" in text)
    terminal.press("s")
    terminal.until(lambda text: "a shell in " in text and text.endswith(("#", "$")))
    for key in "echo 4$((1+1)) on $HOSTNAME; exit\r":
        terminal.press(key)
    terminal.until(lambda text: re.search(r"^42 on dlc\w+-master-0$", text, re.M) is not None)
    terminal.until(lambda text: "s shell" in text[text.index("42 on") :])
    terminal.press("q")
    assert terminal.exit_code() == 5
    assert terminal.settings() == terminal.before


@pytest.mark.parametrize("where", [{"columns": 40}, {"TERM": "dumb"}, {"CI": "1"}])
def test_elsewhere_there_are_plain_lines(
    started: Callable[..., Terminal], where: dict[str, object]
) -> None:
    terminal = started(**where)
    terminal.until(both_talk)
    terminal.press("\x03")
    assert terminal.exit_code() == 130
    assert b"\x1b[A" not in terminal.all
    assert b"\x1b[K" not in terminal.all
    assert "──" not in terminal.text
