from __future__ import annotations

from pathlib import Path

import pytest

from localdlc.record.usage import GpuUse, HostUse, Limits, Sample, Tally, Usage, points
from localdlc.record.usage_file import (
    HOST,
    HOST_HEAD,
    SAMPLE_HEAD,
    Appended,
    Tail,
    host_row,
    path_of,
    sample_row,
    samples,
)
from localdlc.terminal.usage import gpu_words, used_table

GIB = 1 << 30
SERIES = [
    Sample(100.0, Usage()),
    Sample(102.0, Usage(3.0, 2 * GIB, GIB, 3 * GIB, 200, 100, 0, 50, 0), GpuUse(80.0, 10, 100)),
    Sample(106.0, Usage(4.0, GIB, GIB, 3 * GIB, 600, 100, 80, 50, 0), GpuUse(20.0, 30, 100)),
]


def tallied(series: list[Sample]) -> Tally:
    tally = Tally(series[0])
    for sample in series[1:]:
        tally = tally.add(sample)
    return tally


def test_between_two_samples_are_rates() -> None:
    first, second = points(SERIES)
    assert (first.time, first.seconds, first.cores) == (102.0, 2.0, 1.5)
    assert (first.received, first.sent, first.read, first.written) == (100, 50, 0, 25)
    assert (second.cores, second.received, second.read) == (0.25, 100, 20)


def test_a_clock_that_goes_backwards_gives_no_point() -> None:
    assert list(points([Sample(5.0, Usage(1.0)), Sample(5.0, Usage(2.0))])) == []
    assert list(points([Sample(5.0, Usage(1.0)), Sample(4.0, Usage(2.0))])) == []


def test_counters_that_begin_anew_give_no_negative_rate() -> None:
    (point,) = points([Sample(1.0, Usage(9.0, received=9)), Sample(2.0, Usage(0.5))])
    assert (point.cores, point.received) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("before", "now", "highest"),
    [
        (Usage(memory=5, peak=5), Usage(memory=7, peak=None), 7),  # the kernel keeps none
        (Usage(memory=5, peak=9), Usage(memory=7, peak=9), 7),  # it was before
        (Usage(memory=5, peak=9), Usage(memory=7, peak=90), 90),  # and gone when we looked
        (Usage(memory=5, cache=40, peak=45), Usage(memory=7, cache=60, peak=90), 30),  # files
        (Usage(memory=5, cache=0, peak=5), Usage(memory=7, cache=80, peak=87), 7),  # only files
    ],
)
def test_a_peak_between_two_samples_is_seen(before: Usage, now: Usage, highest: int) -> None:
    (point,) = points([Sample(1.0, before), Sample(2.0, now)])
    assert point.memory == highest


def test_how_busy_a_gpu_is_that_does_not_tell_is_not_known(file: Path) -> None:
    series = [SERIES[0], Sample(102.0, Usage(), GpuUse(None, GIB, 40 * GIB))]
    written = Appended(file, SAMPLE_HEAD)
    written.add(sample_row(series[1]))
    written.close()
    assert [sample.gpu for sample in samples(file)] == [series[1].gpu]
    told = tallied(series).event("pod", 1, Limits())
    assert (told.gpu_mean, told.gpu_memory_peak, told.gpu_memory) == (None, GIB, 40 * GIB)
    assert list(gpu_words([told])) == ["GPU memory peak 1 GiB of 40 GiB"]


def test_what_the_kernel_does_not_count_is_no_rate(file: Path) -> None:
    series = [SERIES[0], Sample(102.0, Usage(read=None, written=None))]
    written = Appended(file, SAMPLE_HEAD)
    written.add(sample_row(series[1]))
    written.close()
    assert list(samples(file)) == series[1:]
    (point,) = points(series)
    assert (point.read, point.written) == (None, None)
    told = tallied(series).event("pod", 1, Limits())
    assert (told.disk_read, told.disk_written) == (None, None)
    assert used_table([told], "dlc1").split()[-2:] == ["-", "-"]


def test_a_tally_is_what_a_summary_tells() -> None:
    told = tallied(SERIES).event("pod", 1, Limits(2.0, 4 * GIB, 8.0, 512 * GIB))
    assert (told.seconds, told.cpus_peak, told.cpus_mean) == (6.0, 1.5, 0.667)
    assert told.memory_peak == 2 * GIB
    assert told.memory_mean == round((2 * GIB * 2 + GIB * 4) / 6)
    assert (told.cpus_limit, told.cpus_asked) == (2.0, 8.0)
    assert (told.memory_limit, told.memory_asked) == (4 * GIB, 512 * GIB)
    assert (told.network_in, told.network_out, told.disk_read, told.disk_written) == (
        *(600, 100),
        *(80, 50),
    )
    assert (told.gpu_mean, told.gpu_memory_peak, told.gpu_memory) == (40.0, 30, 100)
    assert told.oom_kills == 0


def test_a_tally_without_gpus_knows_none() -> None:
    told = tallied([Sample(s.time, s.usage) for s in SERIES]).event("pod", 1, Limits())
    assert (told.gpu_mean, told.gpu_memory_peak, told.gpu_memory) == (None, None, None)


def test_the_same_sample_twice_counts_once() -> None:
    assert tallied([*SERIES, SERIES[-1]]) == tallied(SERIES)


# on disk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return path_of(tmp_path, "dlc1-worker-0", 2)


def test_samples_come_back_as_they_were(file: Path) -> None:
    written = Appended(file, SAMPLE_HEAD)
    for sample in SERIES:
        written.add(sample_row(sample))
    assert list(samples(file)) == SERIES  # also while it is written
    written.close()
    assert file.name == "dlc1-worker-0.2.csv"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_is_gone_on_with(file: Path) -> None:
    for sample in SERIES:
        written = Appended(file, SAMPLE_HEAD)
        written.add(sample_row(sample))
        written.close()
    assert list(samples(file)) == SERIES
    assert file.read_text().count("time") == 1


def test_half_a_line_waits_for_its_end(file: Path) -> None:
    written = Appended(file, SAMPLE_HEAD)
    written.add(sample_row(SERIES[1]))
    with file.open("a") as other:
        other.write("106.000,4.0")
    assert list(samples(file)) == [SERIES[1]]
    written.close()


def test_what_was_never_sampled_has_no_samples(file: Path) -> None:
    assert list(samples(file)) == []


def test_the_machine_comes_back_as_it_was(tmp_path: Path) -> None:
    uses = [HostUse(1.5, 0.25, 2, 10, 100), HostUse(3.5, 2.0, 2, 20, 100)]
    written = Appended(tmp_path / HOST, HOST_HEAD)
    for use in uses:
        written.add(host_row(use))
    written.close()
    assert list(Tail(tmp_path / HOST).host_uses()) == uses
