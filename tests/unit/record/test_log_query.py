"""Which lines of a job are wanted, and which are told once for several replicas."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from localdlc.record.log_query import Line, LogQuery, folded
from localdlc.record.times import stamp
from localdlc.terminal.views import folded_line

START = datetime(2026, 11, 22, 6, tzinfo=UTC)
JOB = "dlc1"


def line(pod: str, second: float, text: str, stream: str = "stdout") -> Line:
    time = stamp(START + timedelta(seconds=second))
    return Line(f"{JOB}-{pod}", 1, time, stream, text.encode())


TEN = [line("worker-0", n, f"step {n}") for n in range(10)]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (LogQuery(), range(10)),
        (LogQuery(tail=3), [7, 8, 9]),
        (LogQuery(tail=0), []),
        (LogQuery(since=START + timedelta(seconds=7)), [7, 8, 9]),
        (LogQuery(until=START + timedelta(seconds=2)), [0, 1]),
        (LogQuery(grep=re.compile(rb"[24]$")), [2, 4]),
        (LogQuery(grep=re.compile(rb"step"), tail=1, until=START + timedelta(seconds=5)), [4]),
    ],
)
def test_lines_are_chosen_by_all_that_is_asked(query: LogQuery, numbers: list[int]) -> None:
    assert [found.text for found in query.chosen(TEN)] == [b"step %d" % n for n in numbers]


@pytest.mark.parametrize(
    ("query", "there", "wanted"),
    [
        (LogQuery(), [1, 2, 3], [1, 2, 3]),
        (LogQuery(attempt=2), [1, 2, 3], [2]),
        (LogQuery(attempt=4), [1, 2, 3], []),
        (LogQuery(previous=True), [1, 2, 3], [2]),
        (LogQuery(previous=True), [1], []),
    ],
)
def test_attempts_are_chosen(query: LogQuery, there: list[int], wanted: list[int]) -> None:
    assert query.attempts(there) == wanted


def shown(lines: list[Line], everybody: list[str]) -> list[str]:
    pods = [f"{JOB}-{name}" for name in everybody]
    return [folded_line(fold, pods).decode().rstrip() for fold in folded(lines)]


def test_what_all_write_comes_once_and_in_the_order_of_time() -> None:
    lines = [
        *[line(f"worker-{n}", 0.1 * n, "begin") for n in range(3)],
        line("worker-1", 0.5, "only me"),
        *[line(f"worker-{n}", 1 + 0.1 * n, "end") for n in (2, 0)],
    ]
    assert shown(lines, ["worker-0", "worker-1", "worker-2"]) == [
        "all 3 | begin",
        "worker-1 | only me",
        "worker-0,2 | end",
    ]


def test_a_line_that_is_written_twice_is_told_twice() -> None:
    lines = [line(f"worker-{n}", second, "again") for second in (0, 1) for n in (0, 1)]
    assert shown(lines, ["worker-0", "worker-1"]) == ["all 2 | again"] * 2


def test_who_writes_the_same_much_later_or_elsewhere_is_told_alone() -> None:
    lines = [
        line("master-0", 0, "x"),
        line("worker-0", 11, "x"),
        line("worker-1", 0, "x", "stderr"),
    ]
    assert shown(lines, ["master-0", "worker-0", "worker-1"]) == [
        "master-0 | x",
        "worker-1 | x",
        "worker-0 | x",
    ]


def test_names_of_many_are_told_in_spans() -> None:
    names = ["master-0", *[f"worker-{n}" for n in (10, 0, 1, 2, 5)]]
    lines = [line(name, 0, "x") for name in names]
    assert shown(lines, [*names, "ps-0"]) == ["master-0 worker-0..2,5,10 | x"]
