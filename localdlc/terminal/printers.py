"""A job as it happens: logs on standard output, everything about it on standard error."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, TextIO

from localdlc.record.events import (
    JobFinished,
    Log,
    Progress,
    Record,
    ReplicaExited,
    ReplicaRestarted,
    lines,
)
from localdlc.record.names import short
from localdlc.record.view import JobView
from localdlc.terminal.lines import collapsed, cut, readable
from localdlc.terminal.outlet import put
from localdlc.terminal.words import befallen, event_text, how_it_ended

if TYPE_CHECKING:
    from localdlc.why import Why

__all__ = ["JsonPrinter", "TextPrinter"]

Explain = Callable[[str], "Why | None"]

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
STATUS_COLOURS = {"Succeeded": 32, "Failed": 31, "Stopped": 33, "Running": 36}
SPOKEN = frozenset({"JobSucceeded", "JobFailed", "JobStoppedByUser"})
LAST_LINES = 20
LONGEST_PENDING = 8 << 20
# How often a progress bar is shown again while its line lasts, in seconds of event time.
PROGRESS_EVERY = 5.0


class JsonPrinter:
    """One JSON object a line: the event stream of the contract."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def __call__(self, record: Record, view: JobView) -> None:
        put(self._out, "".join(f"{line}\n" for line in lines(record)).encode())


class TextPrinter:
    """A job as it happens: each line of output after its replica's name, events in between.

    ``only`` is the one replica whose output is shown, None for all of them.
    ``explain`` is asked with the id of a job that failed; what it raises is nobody's concern.
    """

    def __init__(
        self,
        out: BinaryIO,
        err: TextIO,
        *,
        colour: bool = False,
        quiet: bool = False,
        explain: Explain = lambda job_id: None,
    ) -> None:
        self._out = out
        self._err = err
        self._colour = colour
        self._quiet = quiet
        self._explain = explain
        self._width = len("worker-0")
        self._prefixes: dict[str, bytes] = {}
        self._pending: dict[tuple[str, str], bytes] = {}
        self._shown: dict[object, datetime] = {}
        self._tails: dict[str, deque[bytes]] = {}
        self.only: str | None = None

    def __call__(self, record: Record, view: JobView) -> None:
        match record.event:
            case Log() as log:
                self._log(log, record)
            case ReplicaExited() as end:
                self._end_lines(end.pod_id, record.job_id)
            case ReplicaRestarted() as again:
                self._tails.pop(again.pod_id, None)
                self._say_event(record)
            case Progress() as progress:
                self._progress(progress, record.time)
            case JobFinished() as finish:
                self._verdict(finish, view)
            case _:
                self._say_event(record)

    # output of replicas

    def _log(self, log: Log, record: Record) -> None:
        key = (log.pod_id, log.stream)
        data = self._pending.pop(key, b"") + log.data
        is_bar = b"\r" in data
        if is_bar:
            data = collapsed(data)
        if log.partial:
            data, rest = cut(data)
            self._keep(key, rest, record, is_bar=is_bar)
        if data:
            self._print(log.pod_id, record.job_id, data)

    def _keep(self, key: tuple[str, str], rest: bytes, record: Record, *, is_bar: bool) -> None:
        """The beginning of a line waits for its end; a progress bar is shown now and then."""
        self._pending[key] = rest
        shown = self._shown.setdefault(key, record.time)
        if is_bar and (record.time - shown).total_seconds() >= PROGRESS_EVERY:
            self._shown[key] = record.time
            self._print(key[0], record.job_id, rest.rstrip(b"\r") + b"\n")
        elif len(rest) > LONGEST_PENDING:
            self._print(key[0], record.job_id, self._pending.pop(key) + b"\n")

    def _end_lines(self, pod_id: str, job_id: str) -> None:
        """A last line without a newline is a line, too."""
        for key in [key for key in self._pending if key[0] == pod_id]:
            rest = self._pending.pop(key).rstrip(b"\r")
            if rest:
                self._print(pod_id, job_id, rest + b"\n")

    def _print(self, pod_id: str, job_id: str, data: bytes) -> None:
        """Whole lines, each after the prefix. Two copies for the block, not two for each line."""
        self._remember(pod_id, data)
        prefix = self._prefix(pod_id, job_id)
        if self.only in {None, pod_id}:
            put(self._out, prefix + readable(data)[:-1].replace(b"\n", b"\n" + prefix) + b"\n")

    def _prefix(self, pod_id: str, job_id: str) -> bytes:
        if pod_id not in self._prefixes:
            name = short(pod_id, job_id)
            self._width = max(self._width, len(name))
            text = f"{name:<{self._width}} | "
            colour = COLOURS[len(self._prefixes) % len(COLOURS)]
            self._prefixes[pod_id] = self._paint(text, colour).encode()
        return self._prefixes[pod_id]

    def _remember(self, pod_id: str, data: bytes) -> None:
        """The last blocks that hold twenty lines, for the summary of a failure."""
        tail = self._tails.setdefault(pod_id, deque())
        tail.append(data)
        while len(tail) > 1 and sum(b.count(b"\n") for b in itertools.islice(tail, 1, None)) >= (
            LAST_LINES
        ):
            tail.popleft()

    # events

    def _say_event(self, record: Record) -> None:
        text = event_text(record)
        if text and not self._quiet:
            self.say(text)

    def _progress(self, progress: Progress, time: datetime) -> None:
        """A line every few seconds."""
        shown = self._shown.get(progress.subject)
        due = shown is None or (time - shown).total_seconds() >= PROGRESS_EVERY
        if due and not self._quiet:
            self._shown[progress.subject] = time
            self.say(f"  {progress.subject}: {progress.text}")

    def _verdict(self, finish: JobFinished, view: JobView) -> None:
        for pod_id in {pod for pod, _ in self._pending}:
            self._end_lines(pod_id, view.job_id)
        # What is wrong comes last, where the eye is.
        for line in (*self._faithfulness(view), *self._used(view), *self._failure(finish, view)):
            self.say(line)
        word = self._paint(finish.status, STATUS_COLOURS.get(finish.status, 0))
        by = finish.deciding_replica
        decided = f", decided by {short(by, view.job_id)}" if by else ""
        # A job that could not run ends with an error, which the door prints in full.
        reason = f": {finish.reason_message}" if finish.reason_code in SPOKEN else ""
        self.say(f"{word}{reason} ({finish.duration_seconds:.1f} s{decided})")

    def _faithfulness(self, view: JobView) -> Iterator[str]:
        """What was other than in the cloud: samples, injected faults, members of the request."""
        for staged in view.inputs:
            if staged.sample:
                more = "" if staged.part else ", which is all there is"
                yield f"  {staged.uri}: the job saw a sample of {staged.sample}{more}"
        for time, fault in view.faults:
            yield f"  {time:%H:%M:%S} UTC  fault {fault.fault}: {befallen(fault, view.job_id)}"
        for treatment, what in () if self._quiet else view.fidelity.words():
            yield f"  {treatment:<13} {what}"

    def _used(self, view: JobView) -> Iterator[str]:
        """Of a job that lasted long enough to be sampled."""
        if not self._quiet and any(replica.used for replica in view.replicas.values()):
            from localdlc.terminal.usage import used_lines

            yield from (f"  used  {line}" for line in used_lines(view))

    def _failure(self, finish: JobFinished, view: JobView) -> Iterator[str]:
        """Who decided, how it ended, its last lines, and what became of the others."""
        if finish.status != "Failed":
            return
        first = finish.deciding_replica
        if first in view.replicas:
            yield f"{short(first, view.job_id)} {how_it_ended(view.replicas[first])}"
            yield from (f"  | {line}" for line in self._last_lines(first))
        for pod_id, replica in view.replicas.items():
            if pod_id != first:
                yield f"{short(pod_id, view.job_id)} {how_it_ended(replica)}"
        yield from self._cause(view.job_id)

    def _cause(self, job_id: str) -> Iterator[str]:
        with suppress(Exception):  # a disk that is full, say; the verdict matters more
            if found := self._explain(job_id):
                from localdlc.terminal.failure import cause_lines, failure_lines

                yield from failure_lines(found) if found.mistaken else cause_lines(found)

    def _last_lines(self, pod_id: str) -> list[str]:
        data = b"".join(self._tails.get(pod_id, ()))
        text = data.decode("utf-8", "backslashreplace").removesuffix("\n")
        return text.split("\n")[-LAST_LINES:] if data else []

    def say(self, text: str) -> None:
        """A line about the job."""
        put(self._err, f"{text}\n")

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text
