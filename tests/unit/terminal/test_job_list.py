"""``localdlc list`` as a person reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from localdlc.record.store import JobRow
from localdlc.terminal.job_list import job_table
from localdlc.terminal.words import lasting

HEAD = ["JOB", "NAME", "TYPE", "REPLICAS", "STATUS", "AGE", "DURATION"]
NOON = "2026-01-01T12:00:00.000000Z"
NOW = datetime(2026, 1, 1, 13, 0, 30, tzinfo=UTC)


def test_jobs_are_a_table_of_straight_columns() -> None:
    rows = [
        JobRow("dlc1", "short", "TFJob", 2, "Running", NOON, NOON),
        JobRow(
            *("dlc1local0000001", "a-long-name", "PyTorchJob", 16, "Failed"),
            *("2025-12-30T12:00:00.000000Z", "2025-12-30T12:02:05.000000Z"),
        ),
    ]
    lines = job_table(rows, NOW).splitlines()
    assert [line.split() for line in lines] == [
        HEAD,
        ["dlc1", "short", "TFJob", "2", "Running", "1h00m", "1h00m"],
        ["dlc1local0000001", "a-long-name", "PyTorchJob", "16", "Failed", "2d01h", "2m05s"],
    ]
    words = ("STATUS", "Running", "Failed")
    assert len({line.index(word) for line, word in zip(lines, words, strict=True)}) == 1


def test_no_jobs_are_a_heading() -> None:
    assert job_table([], NOW).split() == HEAD


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0s"),
        (0.44, "0.4s"),
        (9.97, "10.0s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (3599.6, "1h00m"),
        (86399.9, "1d00h"),
        (86400 * 400 + 3 * 3600, "400d03h"),
    ],
)
def test_how_long_something_lasts_is_said_in_two_numbers(seconds: float, text: str) -> None:
    assert lasting(seconds) == text
