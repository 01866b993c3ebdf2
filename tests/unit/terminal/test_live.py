"""The live view, as it looks on an emulated terminal."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyte
import pytest

from localdlc.record import events
from localdlc.record.events import Event, Log, Record, StatusChanged
from localdlc.record.view import JobView, after
from localdlc.terminal.board import Board, fitted
from localdlc.terminal.live import LivePrinter
from localdlc.terminal.printers import TextPrinter
from localdlc.terminal.region import Region

START = datetime(2026, 11, 22, 6, tzinfo=UTC)
JOB = "dlc1"
MASTER, WORKER = f"{JOB}-master-0", f"{JOB}-worker-0"
BEGUN: tuple[Event, ...] = (
    events.JobCreated("job", "PyTorchJob", 2),
    StatusChanged("", "Creating"),
    StatusChanged("Creating", "EnvPreparing"),
)
RUNNING: tuple[Event, ...] = (
    *BEGUN,
    events.ReplicaStarted(MASTER, "u", 1, "c", "ip"),
    StatusChanged("EnvPreparing", "Running"),
    events.ReplicaStarted(WORKER, "u", 1, "c", "ip"),
)


class Both(io.RawIOBase):
    """Bytes for the same terminal that text goes to."""

    def __init__(self, stream: pyte.ByteStream) -> None:
        self.stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        block = bytes(data)  # type: ignore[call-overload]
        self.stream.feed(block.replace(b"\n", b"\r\n"))
        return len(block)


@dataclass
class Terminal:
    """A live view on a terminal of ``columns`` and ``rows``, at a time of the test's choosing."""

    columns: int = 80
    rows: int = 24
    second: float = 0.0
    keys: str = ""
    view: JobView = field(default_factory=JobView)

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        raw = Both(pyte.ByteStream(self.screen))
        out = io.BufferedWriter(raw, 1)
        err = io.TextIOWrapper(io.BufferedWriter(raw, 1), "utf-8", write_through=True)
        self.live = LivePrinter(
            TextPrinter(out, err),
            Region(err, lambda: (self.columns, self.rows)),
            lambda: (self.columns, self.rows),
            self.keys,
            lambda: START + timedelta(seconds=self.second),
        )

    def show(self, *happened: Event, at: float | None = None) -> Terminal:
        self.second = self.second + 1 if at is None else at
        for event in happened:
            record = Record(0, START + timedelta(seconds=self.second), JOB, event)
            self.view = after(self.view, record)
            self.live(record, self.view)
        return self

    def tick(self, at: float) -> Terminal:
        self.second = at
        self.live.draw()
        return self

    @property
    def seen(self) -> list[str]:
        """All that stands on the screen, without the blank rest."""
        rows = [row.rstrip() for row in self.screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows


def log(pod: str, data: bytes) -> Log:
    return Log(pod, 1, "stdout", data)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_the_board_stands_below_what_was_printed(terminal: Terminal) -> None:
    terminal.show(*RUNNING, at=0).show(log(WORKER, b"step 1\nstep 2\n"), at=2).tick(at=10)
    assert terminal.seen == [
        "dlc1: Creating",
        "dlc1: EnvPreparing",
        "dlc1: Running",
        "worker-0 | step 1",
        "worker-0 | step 2",
        "── PyTorchJob dlc1: Running 10s  (before: Creating 0.0s, EnvPreparing 0.0s)",
        "  master-0  Running 10s",
        "  worker-0  Running 10s     step 2",
    ]


def test_logs_flow_above_and_time_goes_on_without_them(terminal: Terminal) -> None:
    terminal.show(*RUNNING, at=0).tick(at=5)
    for n in range(50):
        terminal.show(log(MASTER, b"line %d\n" % n), at=6 + n / 100)
    terminal.tick(at=65)
    assert terminal.seen[-4] == "master-0 | line 49"
    assert terminal.seen[-3].startswith("── PyTorchJob dlc1: Running 1m05s")
    assert "step" not in "".join(terminal.seen)
    assert len([row for row in terminal.seen if row.startswith("──")]) == 1


def test_the_board_stays_in_sight_while_logs_flow(terminal: Terminal) -> None:
    terminal.show(*RUNNING, at=0).tick(at=5)
    for n in range(100):
        terminal.show(log(MASTER, b"line %d\n" % n), at=6 + n / 100)
        assert [row for row in terminal.seen if row.startswith("── PyTorchJob dlc1: Running")]
    terminal.show(events.Note("told at once"), at=7)
    assert terminal.seen[-5:-3] == ["master-0 | line 99", "  note: told at once"]


def test_lines_that_wait_for_their_turn_are_of_the_filter_that_was_theirs(
    terminal: Terminal,
) -> None:
    terminal.show(*RUNNING, at=0).tick(at=5)
    terminal.show(log(WORKER, b"before\n"), at=5.01)
    terminal.live.filter()
    terminal.show(log(WORKER, b"after\n"), at=5.02).tick(at=6)
    assert "worker-0 | before" in terminal.seen
    assert "worker-0 | after" not in terminal.seen
    with terminal.live:
        terminal.show(log(MASTER, b"last\n"), at=6.01)
    assert terminal.seen[-1] == "master-0 | last"


def test_inputs_have_a_line_each_until_they_are_there(terminal: Terminal) -> None:
    terminal.show(*BEGUN, events.Progress("oss://a", "1 of 9 MB"), events.Progress("i:1", "2"))
    terminal.tick(at=3)
    assert terminal.seen[-3:] == ["  oss://a: 1 of 9 MB", "  i:1: 2", "  … 2 Pending"]
    staged = events.InputStaged("data", "oss://a", 1, 1, 1.0, False, "fetched")
    terminal.show(staged).tick(at=5)
    assert [row for row in terminal.seen if "1 of 9 MB" in row] == []
    assert terminal.seen[-2] == "  i:1: 2"
    assert "  data oss://a: fetched (1.0 s)" in terminal.seen


def test_the_verdict_is_the_last_word(terminal: Terminal) -> None:
    ended = [events.ReplicaExited(pod, 1, 0, False, None, False, START) for pod in (MASTER, WORKER)]
    terminal.show(*RUNNING, *ended, StatusChanged("Running", "Succeeded", "JobSucceeded", "well."))
    terminal.show(events.JobFinished("Succeeded", "JobSucceeded", "well.", MASTER, 3.0))
    terminal.tick(at=99)
    assert terminal.seen[-1] == "Succeeded: well. (3.0 s, decided by master-0)"
    assert not [row for row in terminal.seen if row.startswith("──")]


def test_of_one_replica_alone_when_asked(terminal: Terminal) -> None:
    terminal.keys = "q stop"
    terminal.__post_init__()
    terminal.show(*RUNNING, at=0)
    assert terminal.live.watched == MASTER
    terminal.live.filter()
    terminal.live.filter()
    terminal.show(log(MASTER, b"hidden\n"), log(WORKER, b"shown\n"), at=2).tick(at=3)
    assert terminal.live.watched == WORKER
    assert "worker-0 | shown" in terminal.seen
    assert "master-0 | hidden" not in terminal.seen
    assert terminal.seen[-1] == "  q stop · f logs of: worker-0"
    terminal.live.filter()
    terminal.show(log(MASTER, b"again\n"), at=4).tick(at=5)
    assert "master-0 | again" in terminal.seen
    assert terminal.seen[-1] == "  q stop · f logs of: all replicas"


@pytest.mark.parametrize(("columns", "rows"), [(41, 10), (80, 6), (200, 50)])
def test_a_board_fits_its_terminal(columns: int, rows: int) -> None:
    view = JobView()
    many = [events.ReplicaStarted(f"{JOB}-worker-{n}", "u", 1, "c", "ip") for n in range(64)]
    for event in (*BEGUN, *many):
        view = after(view, Record(0, START, JOB, event))
    board = Board(view, 70, {f"oss://{'x' * 300}/{n}": "1" for n in range(9)}, {})
    lines = board.lines(START, columns, rows)
    assert max(map(len, lines)) < columns
    assert len(lines) <= 1 + 6 + max(3, rows // 3)
    shown = max(3, rows // 3) - 1
    assert lines[-1] == fitted(f"  … {64 - shown} Running, 6 Pending", columns - 1)


def test_a_terminal_that_becomes_narrower_is_wiped_as_far_as_lines_now_reach() -> None:
    written = io.StringIO()
    columns = [80]
    region = Region(written, lambda: (columns[0], 24))
    region.draw(["x" * 60, "y"])
    columns[0] = 25
    before = len(written.getvalue())
    region.erase()
    assert written.getvalue()[before:].count("\x1b[K") == 3 + 1


def test_a_terminal_that_is_gone_breaks_nothing() -> None:
    ours, theirs = os.openpty()
    os.close(ours)
    with os.fdopen(theirs, "w") as gone:  # what is written to it is an error now
        region = Region(gone, lambda: (80, 24))
        region.draw(["x"])
        region.erase()
        region.draw(["y"])
        assert Path(f"/proc/self/fd/{gone.fileno()}").readlink() == Path(os.devnull)


def test_wide_characters_take_two_columns() -> None:
    assert fitted("作业abc", 5) == "作业a"
    assert fitted("abc", 3) == "abc"


def test_what_a_replica_says_last_is_shown_without_control_characters(terminal: Terminal) -> None:
    terminal.show(*RUNNING, at=0).show(log(WORKER, b"10%\r\x1b[31m50%\x1b[0m\n"), at=1).tick(at=3)
    assert terminal.seen[-1] == "  worker-0  Running 3.0s    50%"


def test_who_lent_the_terminal_is_told_what_was_missed(terminal: Terminal) -> None:
    terminal.show(*RUNNING, at=0)
    with terminal.live.aside():
        terminal.show(log(WORKER, b"one\ntwo\n"), events.Note("something"), at=2).tick(at=3)
        assert "──" not in "".join(terminal.seen)
        assert "  note: something" not in terminal.seen
    terminal.tick(at=4)
    assert "worker-0 | one" not in terminal.seen
    assert "  note: something" in terminal.seen
    assert "  2 lines were not shown; `localdlc logs dlc1` has them" in terminal.seen
    assert terminal.seen[-3].startswith("── PyTorchJob dlc1: Running")
