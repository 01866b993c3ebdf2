"""The journal of a job: every event passes through it, to the store and to whoever listens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from localdlc.errors import LocaldlcError
from localdlc.record.events import Event, JobFinished, Log, Note, Progress, Record, StatusChanged
from localdlc.record.masking import Mask
from localdlc.record.store import JobLog
from localdlc.record.streams import Streams
from localdlc.record.view import TERMINAL, JobView, after

if TYPE_CHECKING:
    from localdlc.plan.model import Plan

__all__ = ["Journal", "Listener"]

Listener = Callable[[Record, JobView], None]

BROKEN_OFF = "localdlc left the job before it had ended; what it had started was removed."


class Journal:
    """Where events go: stamped, masked, stored, folded, shown. Called on one thread only."""

    def __init__(
        self,
        job_id: str,
        writer: JobLog,
        mask: Mask,
        listeners: Sequence[Listener],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seq: int = 0,
        view: JobView | None = None,
    ) -> None:
        """``seq`` is the next number; ``view`` is what there is to know already."""
        self.view = view or JobView()
        self._job_id = job_id
        self._writer = writer
        self._mask = mask
        self._masked = Streams(mask)
        self._listeners = listeners
        self._clock = clock
        self._seq = seq
        # Stored with JobFinished: a kill between the two would leave a job that has ended, and no
        # verdict, and nobody looks at a job that has ended.
        self._verdict: tuple[Record, ...] = ()

    def __call__(self, event: Event) -> None:
        for masked in self._masked(event):
            self._record(masked)

    def _record(self, event: Event) -> None:
        record = Record(self._seq, self._clock(), self._job_id, event)
        self._seq += event.count if isinstance(event, Log) else 1
        if isinstance(event, StatusChanged) and event.to in TERMINAL:
            self._verdict = (record,)
        elif isinstance(event, JobFinished):
            self._writer.append(*self._verdict, record)
        elif not isinstance(event, Progress):
            self._writer.append(record)
        self.view = after(self.view, record)
        for listener in self._listeners:
            listener(record, self.view)

    def planned(self, plan: Plan) -> None:
        """What will be done is kept beside what happens; may be called on any thread."""
        self._writer.write_document("plan.json", self._mask.value(plan.to_json()))

    def note(self, text: str) -> None:
        self(Note(text))

    def masked(self, text: str) -> str:
        """The text without the job's secrets; may be called on any thread."""
        return self._mask.text(text)

    def learn(self, secrets: Iterable[str]) -> None:
        """What must not be shown from now on; may be called on any thread."""
        self._mask.learn(secrets)

    def break_off(self) -> None:
        """A job without a verdict has broken down, or was left in a hurry: that is its verdict.

        Nobody is told but the store, and it only if it still can be: who listens may be the cause.
        An error that is on its way through the caller is the reason.
        """
        view = self.view
        if view.finished or not view.status:
            return
        self._listeners = ()
        seconds = round(view.age(self._clock()), 3)
        with suppress(Exception):
            verdict = view.verdict_in_reserve or ("Failed", *why(sys.exception()))
            if view.terminal:
                verdict = (view.status, view.reason_code, view.reason_message)
            else:
                self(StatusChanged(view.status, *verdict))
            self(JobFinished(*verdict, None, seconds))


def why(error: BaseException | None) -> tuple[str, str]:
    """The reason, in a code and in words, of a job that was broken off."""
    if isinstance(error, LocaldlcError):
        return error.api_code, str(error)
    return LocaldlcError.api_code, BROKEN_OFF
