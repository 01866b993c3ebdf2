"""One thread a replica: create, attach, wait for the word to start, follow to the end, report."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import datetime
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from localdlc.errors import LocaldlcError, bug
from localdlc.record.events import Log, ReplicaExited, ReplicaLost, ReplicaStarted
from localdlc.run.engine import ContainerSpec, Engine, EngineGone, Exit, NotBegun, Stream
from localdlc.run.inbox import Ended, Post, Returned
from localdlc.run.lines import Lines
from localdlc.run.outage import Outage

if TYPE_CHECKING:
    from localdlc.run.found import FoundContainer


# Seconds after the end of its output in which a replica ends, too. One that goes on may have
# closed its output, or the stream broke because the engine began anew: then it is read again.
SOON = 2.0
# How often the engine may go while one replica is waited for.
MOST_BREAKS = 10


class Follower:
    """The life of one attempt of one replica. Everything it learns goes to ``post``.

    It always ends with `Ended`, whatever happens. ``stopped_by_us`` is asked with the container
    and the time of its end; an engine that is gone is waited for by ``outage``.
    """

    def __init__(
        self,
        engine: Engine,
        spec: ContainerSpec,
        pod_id: str,
        pod_uid: str,
        post: Post,
        stopped_by_us: Callable[[str, datetime], bool],
        outage: Outage,
        attempt: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pod_id = pod_id
        self.attempt = attempt
        self.name = spec.name
        self.container_id: str | None = None
        self.ran = False
        self._engine = engine
        self._spec = spec
        self._pod_uid = pod_uid
        self._post = post
        self._stopped_by_us = stopped_by_us
        self._outage = outage
        self._may_start = Flag()
        self._settled = Flag()
        self._cancelled = False
        self._clock = clock
        self._create_seconds = self._start_seconds = 0.0
        self._lines = Lines()
        self._bytes: dict[Stream, int] = {"stdout": 0, "stderr": 0}

    def begin(self) -> None:
        """Creates and attaches in the background; starts the container only after `start`."""
        self._live(self._create_and_follow)

    def take_over(self, found: FoundContainer) -> None:
        """The same for an attempt that another process began, from where it is."""
        self.ran = found.released
        if found.id:
            self.container_id = found.id
            self._settled.set()
        if found.end:
            self._settled.set()
        elif not found.released:
            self._live(lambda: self._follow(found.id) if found.id else self._create_and_follow())
        else:
            self._live(lambda: self._follow_on(found))

    def start(self) -> None:
        self._may_start.set()

    def cancel(self) -> None:
        """Do not start it. No effect on one that has been started."""
        self._cancelled = True
        self._may_start.set()

    @property
    def settled(self) -> bool:
        """Whether it is certain that there is a container, or that there will be none."""
        return self._settled.is_set()

    def created(self) -> str | None:
        """The container's id once it is certain; None when there is none and never will be."""
        self._settled.wait()
        return self.container_id

    def _live(self, life: Callable[[], None]) -> None:
        Thread(target=self._to_its_end, args=(life,), name=self.pod_id, daemon=True).start()

    def _to_its_end(self, life: Callable[[], None]) -> None:
        error: LocaldlcError | None = None
        try:
            life()
        except LocaldlcError as failure:
            error = type(failure)(f"{self.pod_id}: {failure}")
        except Exception as failure:  # noqa: BLE001 - in a thread nobody else would ever hear of it
            error = bug(failure)
        finally:
            self._settled.set()
            self._post(Ended(self.pod_id, error))

    def _create_and_follow(self) -> None:
        if self._cancelled:
            return
        began = self._clock()
        container_id = self.container_id = self._engine.create(self._spec)
        self._create_seconds = self._clock() - began
        self._settled.set()
        self._follow(container_id)

    def _follow(self, container_id: str) -> None:
        with closing(self._engine.attach(container_id)) as output:
            self._may_start.wait()
            if self._cancelled:
                return
            with suppress(NotBegun):
                began = self._clock()
                self._engine.start(container_id)
                self.ran = True
                self._start_seconds = self._clock() - began
                self._post(self._started(container_id))
                self._read(output)
            self._report_end(container_id)

    def _follow_on(self, found: FoundContainer) -> None:
        """It was started; so many lines of its output are known."""
        from localdlc.run.resuming import beyond_lines

        if not found.id:
            self._post(ReplicaLost(self.pod_id, self.attempt, "its container is gone"))
            return
        if not found.start:
            self._post(self._started(found.id))
        with closing(self._engine.output(found.id)) as output:
            self._read(beyond_lines(output, found.lines, self._bytes))
            # Docker 20.10 forgets a last line without a newline when its log is followed.
            self._report_end(found.id, whole=False)

    def _started(self, container_id: str) -> ReplicaStarted:
        return ReplicaStarted(
            self.pod_id,
            self._pod_uid,
            self.attempt,
            container_id,
            self._spec.ip,
            round(self._create_seconds, 3),
            round(self._start_seconds, 3),
        )

    def _read(self, output: Iterable[tuple[Stream, bytes]]) -> None:
        for stream, block in output:
            self._bytes[stream] += len(block)
            for piece in self._lines.feed(stream, block):
                self._post(Log(self.pod_id, self.attempt, *piece))

    def _report_end(self, container_id: str, *, whole: bool = True) -> None:
        """The end of the stream and the recorded exit together are the end of a replica."""
        try:
            end = self._end(container_id, broken=0 if whole else 1)
        except LocaldlcError as error:
            self._read_rest()
            self._post(ReplicaLost(self.pod_id, self.attempt, str(error)))
            return
        self._read_rest()
        self._post(
            ReplicaExited(
                self.pod_id,
                self.attempt,
                end.code,
                end.oom,
                signal_name(end.code),
                end.code != 0 and self._stopped_by_us(container_id, end.finished_at),
                end.finished_at,
            )
        )

    def _read_rest(self) -> None:
        for piece in self._lines.rest():
            self._post(Log(self.pod_id, self.attempt, *piece))

    def _end(self, container_id: str, broken: int) -> Exit:
        """Waits for it, and reads what came while its output was ``broken`` off."""
        soon = SOON
        while True:
            try:
                ended = self._engine.ended_within(container_id, soon)
                if broken or not ended:
                    self._catch_up(container_id)
                if ended:
                    return self._engine.wait(container_id)
                broken, soon = broken or 1, 2 * soon
            except EngineGone as gone:
                broken += 1
                if broken > MOST_BREAKS:
                    raise
                self._outage.wait(gone)
                self._post(Returned(self.pod_id))

    def _catch_up(self, container_id: str) -> None:
        from localdlc.run.resuming import beyond

        with closing(self._engine.output(container_id)) as output:
            self._read(beyond(output, dict(self._bytes)))


def signal_name(code: int) -> str | None:
    """The signal behind a shell's exit code, 128 + its number."""
    try:
        return signal.Signals(code - 128).name if code > 128 else None
    except ValueError:
        return None
