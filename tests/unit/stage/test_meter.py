"""How far it has come, in words."""

from __future__ import annotations

import pytest

from localdlc.config import Sample
from localdlc.stage.meter import Meter, amount, counted


class Clock:
    """Time that stands still until a test moves it on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_tells_bytes_files_rate_and_time_left_now_and_then() -> None:
    told: list[str] = []
    clock = Clock()
    meter = Meter(told.append, clock)
    meter.listed(1, 10)
    clock.now += 1
    meter.listed(2000, 5_000_000)
    meter.expect(5_000_000, 2000)
    for _ in range(10):
        clock.now += 0.2
        meter.add(100_000, 10)
    assert told == [
        "listing: 2,000 files, 5.0 MB",
        "300.0 kB of 5.0 MB, 30 of 2,000 files, 500.0 kB/s, 9 s left",
        "600.0 kB of 5.0 MB, 60 of 2,000 files, 500.0 kB/s, 9 s left",
        "900.0 kB of 5.0 MB, 90 of 2,000 files, 500.0 kB/s, 8 s left",
    ]


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (5 * 10**12, "5.0 TB"), (10**16, "10000.0 TB")],
)
def test_amounts_are_short(size: int, words: str) -> None:
    assert amount(size) == words


def test_one_file_is_no_files() -> None:
    assert (counted(1), counted(0), counted(20_000)) == ("1 file", "0 files", "20,000 files")


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (Sample(files=100), "100files"),
        (Sample(bytes=512 * 10**6), "512MB"),
        (Sample(bytes=1 << 20), "1048576B"),
        (Sample(share=0.01), "1%"),
    ],
)
def test_a_sample_is_written_as_one_would_ask_for_it(sample: Sample, words: str) -> None:
    assert str(sample) == words
