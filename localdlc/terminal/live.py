"""A job in a terminal: its logs flow above, what there is to know of it stands below."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, RLock, Thread
from typing import Self

from localdlc.record.events import ImageReady, InputStaged, JobCreated, Log, Progress, Record
from localdlc.record.names import short
from localdlc.record.view import JobView
from localdlc.terminal.board import Board
from localdlc.terminal.printers import TextPrinter
from localdlc.terminal.region import Region, Size

__all__ = ["LivePrinter"]

# Colours and movements, with which programs write to terminals.
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
# Seconds between two looks of the board while nothing happens.
EVERY = 0.25
# And while much does: what comes meanwhile is printed together, so that the board stays in sight.
FRAME = 0.1
LONGEST_SAID = 200


class Missed:
    """What happened while the terminal was somebody else's."""

    def __init__(self) -> None:
        self.events: list[tuple[Record, JobView]] = []
        self.lines = 0

    def add(self, record: Record, view: JobView) -> None:
        if isinstance(record.event, Log):
            self.lines += record.event.count
        elif not isinstance(record.event, Progress):
            self.events.append((record, view))

    def told(self, job_id: str) -> str:
        lines = "line was" if self.lines == 1 else "lines were"
        return f"  {self.lines:,} {lines} not shown; `localdlc logs {job_id}` has them"


class LivePrinter:
    """A `TextPrinter` with a board below. Use it as a context manager: it draws on a thread.

    ``keys`` names the keys that do something besides ``f``, which `filter` is for.
    """

    def __init__(
        self,
        printer: TextPrinter,
        region: Region,
        size: Size,
        keys: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._printer = printer
        self._region = region
        self._size = size
        self._keys = keys
        self._clock = clock
        self._lock = RLock()
        self._view = JobView()
        self._replicas = 0
        self._progress: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._waiting: list[tuple[Record, JobView]] = []
        self._drawn = datetime.min.replace(tzinfo=UTC)
        self._hidden = False
        self._missed: Missed | None = None
        self._done = Event()

    def __enter__(self) -> Self:
        Thread(target=self._tick, name="board", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        with self._lock:
            self._make_room()
            self._hidden = True

    def __call__(self, record: Record, view: JobView) -> None:
        with self._lock:
            self._view = view
            self._note(record)
            if self._missed:
                self._missed.add(record, view)
            elif not isinstance(record.event, Progress):
                self._waiting.append((record, view))
            if view.terminal:
                self._hidden = True  # the verdict is the last word
            if not isinstance(record.event, Log | Progress) or self._idle() >= FRAME:
                self.draw()

    def say(self, text: str) -> None:
        """A line about what was asked for."""
        with self._lock:
            self._make_room()
            self._printer.say(text)
            self.draw()

    def filter(self) -> None:
        """Logs of the next replica only, and of all again after the last."""
        with self._lock:
            self._print_waiting()
            pods: list[str | None] = [None, *self._view.replicas]
            now = self._printer.only
            self._printer.only = pods[(pods.index(now) + 1) % len(pods)] if now in pods else None
            self.draw()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The terminal is somebody else's meanwhile: what happens is told afterwards, logs aside.

        They are kept, and how many lines were not shown is told.
        """
        with self._lock:
            self._make_room()
            self._hidden, self._missed = True, Missed()
        try:
            yield
        finally:
            with self._lock:
                missed, self._missed, self._hidden = self._missed, None, self._view.terminal
                for record, view in missed.events:
                    self._printer(record, view)
                if missed.lines:
                    self._printer.say(missed.told(self._view.job_id))

    @property
    def view(self) -> JobView:
        """The job as it is now."""
        return self._view

    @property
    def watched(self) -> str | None:
        """The PodId whose logs are shown, or else the first that runs."""
        running = [pod for pod, r in self._view.replicas.items() if r.status == "Running"]
        return self._printer.only or next(iter(running), None)

    def draw(self) -> None:
        """What has happened, and below it the board as it is now."""
        with self._lock:
            self._print_waiting()
            if self._hidden:
                return
            columns, rows = self._size()
            board = Board(self._view, self._replicas, self._progress, self._said, self._legend())
            self._drawn = self._clock()
            self._region.draw(board.lines(self._drawn, columns, rows))

    def _legend(self) -> str:
        if not self._keys:
            return ""
        only = self._printer.only
        shown = short(only, self._view.job_id) if only else "all replicas"
        return f"  {self._keys} · f logs of: {shown}"

    def _note(self, record: Record) -> None:
        match record.event:
            case JobCreated(replicas=replicas):
                self._replicas = replicas
            case Progress(subject=subject, text=text):
                self._progress[subject] = text
            case InputStaged(uri=subject) | ImageReady(image=subject):
                self._progress.pop(subject, None)
            case Log() as log:
                last = log.data[-4 * LONGEST_SAID :].rstrip().rpartition(b"\n")[2]
                self._said[log.pod_id] = legible(last.rpartition(b"\r")[2])[:LONGEST_SAID]
        if self._view.status not in {"Creating", "Queuing", "EnvPreparing"}:
            self._progress.clear()

    def _make_room(self) -> None:
        """For somebody else to write, below all that has happened."""
        self._print_waiting()
        self._region.erase()

    def _print_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._region.erase()
        for record, view in waiting:
            self._printer(record, view)

    def _idle(self) -> float:
        """Seconds since it was drawn."""
        return (self._clock() - self._drawn).total_seconds()

    def _tick(self) -> None:
        while not self._done.wait(FRAME):
            with suppress(ValueError):  # the stream is closed; the job goes on
                if self._waiting or self._idle() >= EVERY:
                    self.draw()


def legible(data: bytes) -> str:
    """On the board a line has one colour and stays where it is."""
    text = ESCAPES.sub("", data.decode("utf-8", "replace"))
    return "".join(filter(str.isprintable, text))
