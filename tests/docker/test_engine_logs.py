"""Logs arrive complete, in order, byte by byte, whoever reads them and however slowly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from itertools import pairwise

import pytest
from engines import CommandLine, job

from localdlc.record.log_file import read_lines

pytestmark = pytest.mark.engine

LINES = 100_000
EIGHT = {"Master": 1, "Worker": 7}
PODS = ["master-0", *(f"worker-{n}" for n in range(7))]
COUNTED = [str(n).encode() for n in range(1, LINES + 1)]

ODD = r"""
import sys, os
os.write(1, b"caf\xc3\xa9 \xff\xfe\n")
os.write(2, b"to stderr\n")
os.write(1, b"x" * (1 << 20) + b"\n")
for n in range(3):
    os.write(1, b"\r%d%%" % (50 * n))
os.write(1, b"\ndone\n")
os.write(1, b"no newline")
"""


def by_pod(lines: Iterable[bytes]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for line in lines:
        pod, _, text = line.partition(b" | ")
        found.setdefault(pod.decode().strip(), []).append(text)
    return found


def test_eight_replicas_lose_none_of_their_lines(localdlc: CommandLine) -> None:
    done = localdlc.run(job(f"seq {LINES}", EIGHT), "--job-id", "dlclines")
    assert done.code == 0
    printed = by_pod(done.out.splitlines())
    assert sorted(printed) == PODS
    for pod in PODS:
        path = localdlc.home / "jobs" / "dlclines" / "logs" / f"dlclines-{pod}.1.log"
        assert printed[pod] == COUNTED, f"printed lines of {pod}"
        assert [text for _, _, text in read_lines(path)] == COUNTED, f"log file of {pod}"


def test_the_event_stream_has_every_line_once_and_in_order(localdlc: CommandLine) -> None:
    done = localdlc.run(job(f"seq {LINES}", EIGHT), "--job-id", "dlcjson", "-o", "json")
    numbers = [event["seq"] for event in done.events]
    assert all(a < b for a, b in pairwise(numbers))
    texts: dict[str, list[bytes]] = {}
    for event in done.of("Log"):
        texts.setdefault(event["pod_id"].removeprefix("dlcjson-"), []).append(
            event["text"].encode()
        )
    assert texts == dict.fromkeys(PODS, COUNTED)
    assert done.events[-1]["type"] == "JobFinished"


def odd_job() -> dict[str, object]:
    return job(f"python3 -c '{ODD}'")


def test_odd_output_is_shown_whole_and_readable(localdlc: CommandLine) -> None:
    done = localdlc.run(odd_job())
    lines = set(done.out.split(b"\n"))
    assert b"master-0 | caf\xc3\xa9 \\xff\\xfe" in lines
    assert b"master-0 | " + b"x" * (1 << 20) in lines
    assert b"master-0 | 100%" in lines
    assert b"master-0 | 50%" not in lines
    assert done.out.endswith(b"master-0 | done\nmaster-0 | no newline\n")


def test_odd_output_is_kept_byte_by_byte_with_its_stream(localdlc: CommandLine) -> None:
    localdlc.run(odd_job(), "--job-id", "dlcodd", "-q")
    path = localdlc.home / "jobs" / "dlcodd" / "logs" / "dlcodd-master-0.1.log"
    lines = [(stream, text) for _, stream, text in read_lines(path)]
    assert [text for stream, text in lines if stream == "stderr"] == [b"to stderr"]
    assert [text for stream, text in lines if stream == "stdout"] == [
        b"caf\xc3\xa9 \xff\xfe",
        b"x" * (1 << 20),
        b"\r0%\r50%\r100%",
        b"done",
        b"no newline",
    ]


def test_odd_output_as_events_says_which_stream_and_which_line_goes_on(
    localdlc: CommandLine,
) -> None:
    logs = localdlc.run(odd_job(), "-o", "json").of("Log")
    assert [log["text"] for log in logs if log["stream"] == "stderr"] == ["to stderr"]
    assert "café \\xff\\xfe" in [log["text"] for log in logs]
    assert (logs[-1]["text"], logs[-1]["partial"]) == ("no newline", True)


def test_a_reader_who_sleeps_slows_the_job_down_and_loses_nothing(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job("seq 3000000"), "-q", read=False)
    assert going.process.stdout
    read = b""
    while block := going.process.stdout.read(4 << 20):
        read += block
        time.sleep(0.1)  # not to wait for anything: this is the slow reader
    assert going.finish().code == 0
    assert [line.partition(b" | ")[2] for line in read.splitlines()] == [
        str(n).encode() for n in range(1, 3_000_001)
    ]


def test_a_reader_who_leaves_neither_ends_the_job_nor_sees_a_traceback(
    localdlc: CommandLine,
) -> None:
    going = localdlc.start_job(job(f"seq {LINES}"), "--job-id", "dlchead", read=False)
    assert going.process.stdout
    assert going.process.stdout.readline() == b"master-0 | 1\n"
    going.process.stdout.close()
    done = going.finish()
    assert done.code == 0
    assert "Traceback" not in done.err
    assert "BrokenPipe" not in done.err
    path = localdlc.home / "jobs" / "dlchead" / "logs" / "dlchead-master-0.1.log"
    assert [text for _, _, text in read_lines(path)] == COUNTED


def test_logs_of_a_job_that_runs_are_there_and_complete_afterwards(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job("echo first; sleep 60; echo never"))
    going.wait_for("master-0 | first")
    assert localdlc("logs", "last").text == "master-0 | first\n"
    assert localdlc("logs", "last", "master-0").text == "first\n"
    events = localdlc("logs", "last", "-o", "json").out.splitlines()
    assert [json.loads(line)["text"] for line in events] == ["first"]
    going.process.terminate()
    assert going.finish().code == 143
