"""Stopping: SIGTERM, grace, SIGKILL; the verdict is Stopped and nothing stays."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

SAVES = """\
cat > /tmp/x.py <<'PYTHON'
import signal, sys
def save(number, frame):
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("training", flush=True)
while True: signal.pause()
PYTHON
cd / && python3 /tmp/x.py; true
"""
DEAF = "trap '' TERM; echo training; while :; do sleep 60; done"

SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)


@SIGNALS
def test_a_signal_lets_replicas_save_and_stops_the_job(
    localdlc: CommandLine, number: signal.Signals, code: int
) -> None:
    going = localdlc.start_job(job(SAVES, {"Master": 1, "Worker": 1}))
    going.wait_for("master-0 | training").wait_for("worker-0 | training")
    done = going.signal(number).finish()
    assert done.code == code
    assert {"master-0 | saved", "worker-0 | saved"} <= set(done.lines)
    assert "Stopped: Job is stopped by user." in done.err
    assert " Stopped " in localdlc("list").text


def test_what_ignores_sigterm_is_killed_after_the_grace_period(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job(DEAF), "--grace", "1", "-o", "json").wait_for("training")
    began = time.monotonic()
    done = going.signal(signal.SIGINT).finish()
    assert 1 <= time.monotonic() - began < 6
    end = done.of("ReplicaExited")[0]
    assert (end["exit_code"], end["signal"], end["stopped_by_us"]) == (137, "SIGKILL", True)
    assert done.events[-1]["status"] == "Stopped"
    assert done.code == 130


def test_the_second_ctrl_c_kills_at_once(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job(DEAF), "--grace", "100").wait_for("training")
    began = time.monotonic()
    going.signal(signal.SIGINT).wait_for("once more to kill at once")
    done = going.signal(signal.SIGINT).finish()
    assert time.monotonic() - began < 10
    assert done.code == 130


@pytest.mark.parametrize("flags", [(), ("-o", "json")], ids=["text", "json"])
def test_a_pager_that_does_not_read_on_keeps_nobody_from_stopping(
    localdlc: CommandLine, flags: tuple[str, ...]
) -> None:
    going = localdlc.start_job(job(f"seq 100000; {DEAF}"), *flags, "--grace", "1", read=False)
    assert going.process.stdout
    pipe = going.process.stdout.fileno()
    size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    until = time.monotonic() + 60
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"1234"))[0] < size // 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert going.signal(signal.SIGINT).finish().code == 130
    assert " Stopped " in localdlc("list").text


def test_ctrl_c_before_anything_exists_stops_the_job(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job("sleep 60", {"Master": 1, "Worker": 3}))
    done = going.wait_for(": Creating").interrupt_group().finish()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert "Stopped" in localdlc("list").text


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never says a word, like a git server behind a firewall."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/repository.git"


@SIGNALS
def test_a_slow_clone_is_given_up_without_waiting_for_it(
    localdlc: CommandLine, tmp_path: Path, silent_server: str, number: signal.Signals, code: int
) -> None:
    (tmp_path / "localdlc.toml").write_text(f"code_sources.c.repository = '{silent_server}'\n")
    going = localdlc.start_job(job("true", CodeSource={"CodeSourceId": "c"}))
    going.wait_for("cloning")
    os.killpg(going.process.pid, number)
    done = going.finish()
    assert done.code == code
    assert "Stopped" in localdlc("list").text
    assert "Traceback" not in done.err
    assert_group_ends(going.process.pid)


def test_a_failed_clone_leaves_no_git_behind(localdlc: CommandLine, tmp_path: Path) -> None:
    """Two sources of trouble at once: the image is missing while git still tries."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/repository.git"
        (tmp_path / "localdlc.toml").write_text(f"code_sources.c.repository = '{url}'\n")
        request = job("true", image="nowhere/none:1", CodeSource={"CodeSourceId": "c"})
        going = localdlc.start_job(request, "--pull", "never")
        assert going.finish().code == 3
        assert_group_ends(going.process.pid)


def assert_group_ends(group: int) -> None:
    """No process of the group lives on; git may take a moment to notice."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"processes of group {group} are still there")
