"""One thread a replica: create, attach, wait for the word to start, follow to the end, report."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from threading import Event as Flag
from threading import Thread

from localdlc.errors import LocaldlcError, bug
from localdlc.record.events import Log, ReplicaExited, ReplicaLost, ReplicaStarted
from localdlc.run.engine import Attachment, ContainerSpec, Engine
from localdlc.run.inbox import Ended, Post
from localdlc.run.lines import Lines


class Follower:
    """The life of one attempt of one replica. Everything it learns goes to ``post``.

    It always ends with `Ended`, whatever happens. ``stopped_by_us`` is asked with the container
    and the time of its end.
    """

    def __init__(
        self,
        engine: Engine,
        spec: ContainerSpec,
        pod_id: str,
        pod_uid: str,
        post: Post,
        stopped_by_us: Callable[[str, datetime], bool],
        attempt: int = 1,
    ) -> None:
        self.pod_id = pod_id
        self.attempt = attempt
        self.name = spec.name
        self.container_id: str | None = None
        self._engine = engine
        self._spec = spec
        self._pod_uid = pod_uid
        self._post = post
        self._stopped_by_us = stopped_by_us
        self._may_start = Flag()
        self._settled = Flag()
        self._cancelled = False
        self._thread = Thread(target=self._live, name=pod_id, daemon=True)

    def begin(self) -> None:
        """Creates and attaches in the background; starts the container only after `start`."""
        self._thread.start()

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

    def _live(self) -> None:
        error: LocaldlcError | None = None
        try:
            self._follow()
        except LocaldlcError as failure:
            error = type(failure)(f"{self.pod_id}: {failure}")
        except Exception as failure:  # noqa: BLE001 - in a thread nobody else would ever hear of it
            error = bug(failure)
        finally:
            self._settled.set()
            self._post(Ended(self.pod_id, error))

    def _follow(self) -> None:
        if self._cancelled:
            return
        container_id = self.container_id = self._engine.create(self._spec)
        self._settled.set()
        output = self._engine.attach(container_id)
        try:
            self._may_start.wait()
            if self._cancelled:
                return
            self._engine.start(container_id)
            self._post(self._started(container_id))
            self._read(output)
            self._report_end(container_id)
        finally:
            output.close()

    def _started(self, container_id: str) -> ReplicaStarted:
        return ReplicaStarted(self.pod_id, self._pod_uid, self.attempt, container_id, self._spec.ip)

    def _read(self, output: Attachment) -> None:
        lines = Lines()
        for stream, block in output:
            for piece in lines.feed(stream, block):
                self._post(Log(self.pod_id, self.attempt, *piece))
        for piece in lines.rest():
            self._post(Log(self.pod_id, self.attempt, *piece))

    def _report_end(self, container_id: str) -> None:
        """The end of the stream and the recorded exit together are the end of a replica."""
        try:
            end = self._engine.wait(container_id)
        except LocaldlcError as error:
            self._post(ReplicaLost(self.pod_id, self.attempt, str(error)))
            return
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


def signal_name(code: int) -> str | None:
    """The signal behind a shell's exit code, 128 + its number."""
    try:
        return signal.Signals(code - 128).name if code > 128 else None
    except ValueError:
        return None
