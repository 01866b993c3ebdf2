"""What a person sees of a job: its output line by line, and how it ended."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from localdlc.record import events
from localdlc.record.events import Event, Log, Record, StatusChanged
from localdlc.record.view import JobView, after
from localdlc.run.engine import Stream
from localdlc.terminal.printers import TextPrinter
from localdlc.terminal.views import log_line

START = datetime(2026, 1, 1, tzinfo=UTC)
JOB = "dlc1"
W0, W1, LONG = "dlc1-worker-0", "dlc1-worker-1", "dlc1-graphlearn-10"


@dataclass
class Screen:
    """A printer with both its streams, fed by events at times of the test's choosing."""

    colour: bool = False
    quiet: bool = False
    out: io.BytesIO = field(default_factory=io.BytesIO)
    err: io.StringIO = field(default_factory=io.StringIO)
    view: JobView = field(default_factory=JobView)

    def __post_init__(self) -> None:
        self.printer = TextPrinter(self.out, self.err, colour=self.colour, quiet=self.quiet)

    def show(self, *happened: Event, at: float = 0.0) -> Screen:
        for event in happened:
            record = Record(0, START + timedelta(seconds=at), JOB, event)
            self.view = after(self.view, record)
            self.printer(record, self.view)
        return self

    @property
    def shown(self) -> list[str]:
        return self.out.getvalue().decode().split("\n")[:-1]

    @property
    def said(self) -> list[str]:
        return self.err.getvalue().split("\n")[:-1]


def log(data: bytes, pod: str = W0, *, stream: Stream = "stdout", partial: bool = False) -> Log:
    return Log(pod, 1, stream, data, partial)


def ended(code: int, pod: str = W0, *, ours: bool = False, oom: bool = False) -> Event:
    name = {137: "SIGKILL", 143: "SIGTERM"}.get(code)
    return events.ReplicaExited(pod, 1, code, oom, name, ours, START)


def finished(status: str, by: str | None = None, words: str = "words") -> Event:
    reason = {"Succeeded": "JobSucceeded", "Stopped": "JobStoppedByUser"}.get(status, "JobFailed")
    return events.JobFinished(status, reason, words, by, 2.5)


# output


def test_every_line_comes_after_the_name_of_its_replica() -> None:
    screen = Screen().show(log(b"a\nb\n"), log(b"c\n", W1), log(b"\n"))
    assert screen.shown == ["worker-0 | a", "worker-0 | b", "worker-1 | c", "worker-0 | "]
    assert screen.said == []


def test_names_of_different_length_stand_in_one_column() -> None:
    screen = Screen().show(log(b"a\n"), log(b"b\n", LONG))
    assert screen.shown == ["worker-0 | a", "graphlearn-10 | b"]


def test_two_streams_of_a_replica_do_not_mix_within_a_line() -> None:
    screen = Screen().show(
        log(b"half ", partial=True), log(b"error\n", stream="stderr"), log(b"line\n")
    )
    assert screen.shown == ["worker-0 | error", "worker-0 | half line"]


def test_a_replica_has_a_colour_of_its_own_or_none() -> None:
    plain = Screen().show(log(b"a\n"), log(b"b\n", W1), finished("Succeeded"))
    assert "\x1b" not in plain.out.getvalue().decode() + plain.err.getvalue()
    coloured = Screen(colour=True).show(log(b"a\n"), log(b"b\n", W1), log(b"c\n"))
    assert coloured.shown == [
        "\x1b[36mworker-0 | \x1b[0ma",
        "\x1b[33mworker-1 | \x1b[0mb",
        "\x1b[36mworker-0 | \x1b[0mc",
    ]
    assert "\x1b[32mSucceeded\x1b[0m" in coloured.show(finished("Succeeded")).err.getvalue()


def test_bytes_that_are_not_utf_8_stay_visible() -> None:
    assert Screen().show(log(b"\xff \xe4\xbd\xa0\n")).shown == ["worker-0 | \\xff \u4f60"]


def test_a_character_cut_in_two_is_one_character() -> None:
    screen = Screen().show(log(b"\r\xe4\xbd", partial=True), log(b"\xa0\n"))
    assert screen.shown == ["worker-0 | \u4f60"]


def test_a_last_line_without_a_newline_is_shown_when_its_replica_ends() -> None:
    screen = Screen().show(log(b"no newline", partial=True))
    assert screen.shown == []
    assert screen.show(ended(0)).shown == ["worker-0 | no newline"]


def test_a_last_line_is_shown_even_when_no_end_is_learnt() -> None:
    screen = Screen().show(log(b"cut off", partial=True), finished("Failed"))
    assert screen.shown == ["worker-0 | cut off"]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\r\n", "a"),
        (b"a\r\r\n", "a"),
        (b"10%\r20%\r100%\n", "100%"),
        (b"\r10%\r100%\n", "100%"),
        (b"10%\r100%\r\n", "100%"),
        (b"\r\n", ""),
    ],
)
def test_carriage_returns_leave_what_a_terminal_would_show(data: bytes, shown: str) -> None:
    assert Screen().show(log(data)).shown == [f"worker-0 | {shown}"]
    assert log_line(W0, 1, data[:-1], prefixed=True).decode() == f"worker-0 | {shown}\n"
    assert log_line(W0, 1, data[:-1], prefixed=False).decode() == f"{shown}\n"


BARS = {
    "tqdm": [b"\r%3d%%|####|" % n for n in (0, 10, 50, 100)],
    "curl": [b"%3d%%|####|\r" % n for n in (0, 10, 50, 100)],
}


@pytest.mark.parametrize("bar", BARS)
def test_a_progress_bar_is_shown_once_as_it_stood_in_the_end(bar: str) -> None:
    screen = Screen().show(*(log(piece, stream="stderr", partial=True) for piece in BARS[bar]))
    assert screen.shown == []
    assert screen.show(log(b"\n", stream="stderr"), log(b"on\n")).shown == [
        "worker-0 | 100%|####|",
        "worker-0 | on",
    ]


@pytest.mark.parametrize("bar", BARS)
def test_a_progress_bar_that_takes_its_time_is_shown_now_and_then(bar: str) -> None:
    screen = Screen()
    for second, piece in enumerate(BARS[bar]):
        screen.show(log(piece, partial=True), at=second * 4.0)
    assert screen.shown == ["worker-0 |  50%|####|"]
    assert screen.show(log(b"\n"), at=13).shown[1:] == ["worker-0 | 100%|####|"]


def test_a_line_of_a_megabyte_is_a_line() -> None:
    long = b"x" * (1 << 20)
    screen = Screen().show(log(b"bar\rbar\n" + long + b"\n"))
    assert screen.shown == ["worker-0 | bar", f"worker-0 | {long.decode()}"]
    assert log_line(W0, 1, long, prefixed=False) == long + b"\n"


def test_a_line_without_an_end_is_shown_before_it_fills_the_memory() -> None:
    screen = Screen()
    for _ in range(3):
        screen.show(log(b"x" * (4 << 20), partial=True))
    assert [len(line) for line in screen.shown] == [len("worker-0 | ") + (12 << 20)]


# events


def test_what_happens_is_said_on_standard_error() -> None:
    screen = Screen().show(
        StatusChanged("", "Creating"),
        StatusChanged("Creating", "EnvPreparing"),
        events.InputStaged("data", "oss://b/", None, None, 0.51, True, "/d is mounted at /m"),
        events.ImageReady("i:1", "sha", 0.0, False),
        events.ImageReady("j:1", "sha", 3.04, True),
        events.Note("mind the gap"),
        StatusChanged("EnvPreparing", "Running"),
        events.StopRequested("SIGINT"),
        events.ContainersKept(("a", "b")),
    )
    assert screen.shown == []
    assert screen.said == [
        "dlc1: Creating",
        "dlc1: EnvPreparing",
        "  data oss://b/: /d is mounted at /m (0.5 s)",
        "  image j:1: pulled (3.0 s)",
        "  note: mind the gap",
        "dlc1: Running",
        "  stopping (SIGINT); once more to kill at once",
        "  kept: a, b; `localdlc exec dlc1 POD` enters one, `localdlc gc --kept` removes them",
    ]


def test_what_a_job_waits_for_is_said_whenever_it_changes() -> None:
    screen = Screen().show(
        StatusChanged("", "Creating"),
        StatusChanged("Creating", "Queuing"),
        events.JobQueued("1 GPU is wanted"),
        events.JobQueued("1 GPU is still wanted"),
        StatusChanged("Queuing", "EnvPreparing"),
    )
    assert screen.said == [
        "dlc1: Creating",
        "dlc1: Queuing",
        "  waits: 1 GPU is wanted",
        "  waits: 1 GPU is still wanted",
        "dlc1: EnvPreparing",
    ]


def test_quiet_says_nothing_but_output_and_verdict() -> None:
    screen = Screen(quiet=True).show(
        events.Note("n"), events.Progress("i", "1%"), log(b"a\n"), finished("Succeeded", W0)
    )
    assert screen.shown == ["worker-0 | a"]
    assert screen.said == ["Succeeded: words (2.5 s, decided by worker-0)"]


def test_progress_is_a_line_every_few_seconds_without_a_terminal() -> None:
    screen = Screen()
    for second in range(12):
        screen.show(events.Progress("i:1", f"{second}"), at=second)
    assert screen.said == ["  i:1: 0", "  i:1: 5", "  i:1: 10"]


def test_the_end_says_that_the_job_saw_a_sample_only() -> None:
    staged = events.InputStaged("data", "oss://a", 1, 1, 1.0, True, "1 file, 1 B", "1%", part=True)
    screen = Screen(quiet=True).show(staged, finished("Succeeded", W0))
    assert screen.said[0] == "  oss://a: the job saw a sample of 1%"


def test_the_end_says_that_a_sample_was_everything() -> None:
    staged = events.InputStaged("data", "oss://a", 1, 1, 1.0, True, "1 file, 1 B", "9files")
    screen = Screen(quiet=True).show(staged, finished("Succeeded", W0))
    assert screen.said[0] == "  oss://a: the job saw a sample of 9files, which is all there is"


# the end


def test_a_success_is_one_line() -> None:
    screen = Screen().show(log(b"a\n"), ended(0), finished("Succeeded", W0, "It is done."))
    assert screen.said == ["Succeeded: It is done. (2.5 s, decided by worker-0)"]


def test_a_failure_says_who_how_its_last_lines_and_what_became_of_the_others() -> None:
    screen = Screen()
    for n in range(30):
        screen.show(log(b"line %d\n" % n))
    screen.show(
        log(b"not his\n", W1),
        log(b"a\nlast words", partial=True),
        ended(137, oom=True),
        ended(143, W1, ours=True),
        events.ReplicaLost(LONG, 1, "the engine went away"),
        events.ReplicaStarted("dlc1-ps-0", "u", 1, "c", "ip"),
        finished("Failed", W0, "It broke."),
    )
    assert screen.said == [
        "worker-0 ended with exit code 137 (SIGKILL): the kernel killed it, out of memory",
        *[f"  | line {n}" for n in range(12, 30)],
        "  | a",
        "  | last words",
        "worker-1 ended with exit code 143 (SIGTERM): stopped by localdlc",
        "graphlearn-10 was lost: the engine went away",
        "ps-0 had not ended",
        "Failed: It broke. (2.5 s, decided by worker-0)",
    ]


def test_a_silent_failure_has_no_last_lines() -> None:
    screen = Screen().show(ended(1), finished("Failed", W0))
    assert screen.said == [
        "worker-0 ended with exit code 1",
        "Failed: words (2.5 s, decided by worker-0)",
    ]


def test_only_a_newline_ends_a_line_of_the_summary() -> None:
    screen = Screen().show(log("a\x0cb\u2028c\n".encode()), ended(1), finished("Failed", W0))
    assert screen.err.getvalue().startswith(
        "worker-0 ended with exit code 1\n  | a\x0cb\u2028c\nFailed"
    )


def test_a_job_that_nobody_decided_names_nobody() -> None:
    assert Screen().show(finished("Stopped")).said == ["Stopped: words (2.5 s)"]


@pytest.mark.parametrize("stream", ["out", "err"])
def test_a_reader_that_leaves_does_not_end_the_job(stream: str) -> None:
    reading, writing = os.pipe()
    with (
        os.fdopen(writing, "wb", closefd=True) as out,
        io.TextIOWrapper(io.FileIO(os.dup(writing), "w"), write_through=True) as err,
    ):
        os.close(reading)
        other_out, other_err = io.BytesIO(), io.StringIO()
        printer = TextPrinter(
            out if stream == "out" else other_out, err if stream == "err" else other_err
        )
        for event in (log(b"a\n"), events.Note("n"), log(b"b\n"), finished("Succeeded")):
            printer(Record(0, START, JOB, event), JobView())
    seen = other_err.getvalue() if stream == "out" else other_out.getvalue().decode()
    assert len(seen.splitlines()) == 2


# how faithful it was

FIDELITY = events.FidelityReport(("JobType", "UserCommand"), ("X: nearly",), ("Y: not at all",))
ROWS = [
    "  honoured      JobType, UserCommand",
    "  approximated  X: nearly",
    "  ignored       Y: not at all",
]


def test_a_run_ends_with_what_was_made_of_the_request() -> None:
    screen = Screen().show(FIDELITY, finished("Succeeded"))
    assert screen.said == [*ROWS, "Succeeded: words (2.5 s)"]
    assert Screen(quiet=True).show(FIDELITY, finished("Succeeded")).said == screen.said[-1:]


def test_a_fault_is_told_when_it_comes_and_again_in_the_end() -> None:
    fault = events.FaultInjected(W0, 1, "worker-0:kill@30s", "is killed (SIGKILL)")
    screen = Screen().show(fault, at=30).show(finished("Succeeded"))
    assert screen.said[:2] == [
        "  fault worker-0:kill@30s: worker-0 is killed (SIGKILL)",
        "  00:00:30 UTC  fault worker-0:kill@30s: worker-0 is killed (SIGKILL)",
    ]
