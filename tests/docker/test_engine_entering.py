"""exec: a command, or a shell, in a replica that runs, and in one that has ended and was kept."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

WAITS = "echo up; trap 'exit 0' TERM; while :; do sleep 1 & wait; done"


@pytest.fixture
def running(localdlc: CommandLine) -> Iterator[CommandLine]:
    going = localdlc.start_job(job(WAITS, {"Master": 1, "Worker": 1}, Envs={"WORD": "given"}))
    going.wait_for("master-0 | up").wait_for("worker-0 | up")
    yield localdlc
    localdlc("stop", "--all")
    assert going.finish().code == 5


def test_a_command_has_its_own_streams_and_ends_with_its_code(running: CommandLine) -> None:
    command = "cat; echo $RANK $WORD; echo wrong >&2; exit 7"
    done = running("exec", "last", "worker-0", "--", "sh", "-c", command, stdin=b"said\n")
    assert (done.code, done.text, done.err) == (7, "said\n1 given\n", "wrong\n")


@pytest.mark.parametrize(("program", "code"), [("nosuch", 127), ("/no/such", 127), ("/etc", 126)])
def test_a_program_that_cannot_be_run_ends_as_in_a_shell(
    running: CommandLine, program: str, code: int
) -> None:
    done = running("exec", "last", "master-0", "--", program)
    assert done.code == code
    assert program in done.text


def test_without_a_command_it_is_a_shell(running: CommandLine) -> None:
    assert running("exec", "last", "master-0", stdin=b"echo $0 on $HOSTNAME\n").text.startswith(
        "bash on dlc"
    )


def test_with_a_terminal_it_has_one_of_the_same_size(running: CommandLine) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 33, 99, 0, 0))
    before = termios.tcgetattr(theirs)
    command = "printf ready; read word; tty >/dev/null && stty size; echo heard $word"
    process = subprocess.Popen(
        [sys.executable, "-m", "localdlc", "exec", "last", "master-0", "sh", "-c", command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=running.folder,
        env={**os.environ, "LOCALDLC_HOME": str(running.home)},
        start_new_session=True,
    )
    said = b""
    while b"ready" not in said:
        said += os.read(ours, 1 << 10)
    os.write(ours, b"you\r")
    while b"heard you" not in said:
        said += os.read(ours, 1 << 10)
    assert process.wait(60) == 0
    assert b"33 99" in said
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_who_is_not_there_is_told(running: CommandLine) -> None:
    done = running("exec", "last", "worker-7")
    assert done.code == 2
    assert "there are: master-0, worker-0" in done.err


def test_one_that_has_ended_and_was_kept_is_entered_as_it_left(localdlc: CommandLine) -> None:
    request = job("echo left > /root/left; exit 3", Envs={"WORD": "given"})
    assert localdlc.run(request, "--keep", "failed").code == 1
    done = localdlc("exec", "last", "master-0", "--", "sh", "-c", "cat /root/left; echo $WORD")
    assert (done.code, done.text) == (0, "left\ngiven\n")
    localdlc("gc", "--kept")
    done = localdlc("exec", "last", "master-0")
    assert done.code == 2
    assert "--keep failed" in done.err
