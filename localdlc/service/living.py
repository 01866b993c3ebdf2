"""Jobs that run, in whatever process: begun, stopped, waited for, followed, and deleted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.errors import BadRequest, EngineUnavailable, Unreadable
from localdlc.record.masking import Mask
from localdlc.service.looking import Looking

if TYPE_CHECKING:
    import socket

    from localdlc.plan.model import Plan
    from localdlc.record.log_query import Line, LogQuery
    from localdlc.record.store import Store
    from localdlc.record.view import JobView
    from localdlc.run.engine import Engine, Session

__all__ = ["Living"]

# Seconds that a supervisor may take from its lock to its socket, and from its end to its lock's.
PATIENCE = 10.0
AGAIN = 0.05


class Living(Looking):
    """What can be done about a job by those who have only its name.

    A job that has lost its supervisor is given another first.
    """

    def __init__(
        self, config: Config, engine: Engine | None = None, mask: Mask | None = None
    ) -> None:
        """``mask`` learns every secret that comes by."""
        super().__init__(config)
        self.mask = mask or Mask(())
        self._engine = engine
        self._connected: Engine | None = None

    @property
    def engine(self) -> Engine:
        """Raises `EngineUnavailable` when none answers."""
        found = self._engine or self._connected
        if found is None:
            from localdlc.run.docker_engine import connect

            found = self._connected = connect(os.environ)
        return found

    def close(self) -> None:
        """Gives back the connection to an engine that the service has found itself."""
        if self._connected:
            self._connected.close()

    def notice(self) -> list[str]:
        """The ids of jobs that have lost their supervisor; somebody sees to them meanwhile."""
        from localdlc.spawning import spawn

        with self._store() as store:
            lost = [row.job_id for row in store.unfinished() if not store.supervised(row.job_id)]
        if lost:
            spawn("sweep", str(self.config.home)).leave()
        return lost

    def _hand_over(self, read: Callable[[], tuple[dict[str, Any], Plan]]) -> str:
        """To a supervisor in a process of its own; returns the JobId once the job has begun.

        Raises what ``read`` raises, and what keeps it from beginning.
        """
        import pickle

        from localdlc.spawning import spawn

        supervisor = spawn("run")  # it loads what it needs while the request is read
        orders = b""
        try:
            request, plan = read()
            orders = pickle.dumps((request, plan, self.config, self.mask))
        finally:
            supervisor.tell(orders)
        supervisor.answer()
        return plan.job_id

    def stop_job(self, name: str, *, kill: bool = False) -> JobView:
        """SIGTERM, grace, SIGKILL, or that at once; returns when all of the job is gone.

        Raises `BadRequest` for a job that has ended.
        """
        with self._store() as store:
            job_id = store.find(name)
            refuse(store.view(job_id), ended=True, what="stopped")
            return self._to_its_end(store, job_id, "kill" if kill else "stop")

    def running_jobs(self) -> list[str]:
        """The ids of all that have no verdict, the newest first."""
        with self._store() as store:
            return [row.job_id for row in sorted(store.unfinished(), key=lambda row: row.created)]

    def wait_job(self, name: str) -> JobView:
        """Returns when the job has its verdict and all of it is gone."""
        with self._store() as store:
            return self._to_its_end(store, store.find(name), "wait")

    def follow_pod_logs(self, name: str, query: LogQuery | None = None) -> Iterator[Iterable[Line]]:
        """As `get_pod_logs`, and then what is written until the job has ended, as it comes.

        The conditions of ``query`` hold for what comes, too, apart from ``tail``.
        """
        from localdlc.record.log_query import LogQuery
        from localdlc.run.control_socket import heard
        from localdlc.service.following import Following

        with self._store() as store:
            job_id = store.find(name)
            following = Following(store, job_id, query or LogQuery())
            while line := self._line(store, job_id, "follow"):
                with line:
                    following.rewind()
                    yield following.lines()
                    while heard(line):
                        yield following.lines()
            following.rewind()
            yield following.lines()
            yield following.rest()

    def trim(self, *, dry_run: bool = False) -> list[str]:
        """Old jobs, logs and caches down to their limits; a sentence for each that was passed."""
        from localdlc.job.trimming import trim

        return trim(self.config, dry_run=dry_run)

    @contextmanager
    def enter_job(
        self, name: str, pod: str, command: Sequence[str] = (), *, terminal: bool = False
    ) -> Iterator[Session]:
        """A command in a replica, a shell if none is named; ``pod`` may be short.

        A replica that has ended and was kept is entered in a copy of what it left. Raises
        `NotFound`, and `BadRequest` for one that has no container.
        """
        from localdlc.service.entering import SHELL, entered

        view, plan = self.get_job(name)
        with (
            entered(self.engine, self.config.home, view, plan, pod) as container,
            closing(self.engine.enter(container, command or SHELL, terminal=terminal)) as session,
        ):
            yield session

    def delete_job(self, name: str) -> str:
        """All that is known of a job, its logs, and containers that it kept; returns its id.

        Raises `BadRequest` for a job that has not ended.
        """
        from localdlc.job.deleting import delete

        with self._store() as store:
            job_id = store.find(name)
            try:
                refuse(store.view(job_id), ended=False, what="removed")
                self._to_its_end(store, job_id, "wait")
            except Unreadable:
                if store.supervised(job_id):
                    raise
            delete(store, job_id, lambda: self.engine)
        return job_id

    def _to_its_end(self, store: Store, job_id: str, word: str) -> JobView:
        from localdlc.run.control_socket import heard

        while line := self._line(store, job_id, word):
            with closing(line):
                while heard(line):
                    pass
        return store.view(job_id)

    def _line(self, store: Store, job_id: str, word: str) -> socket.socket | None:
        """A line to the job's supervisor, which has heard ``word``; None once the job is over."""
        from localdlc.run.control_socket import call
        from localdlc.spawning import spawn

        until = time.monotonic() + PATIENCE
        while True:
            if line := call(store.job_folder(job_id), word):
                return line
            if store.supervised(job_id):  # it begins, or ends: neither takes long
                if time.monotonic() > until:
                    raise EngineUnavailable(
                        f"the supervisor of {job_id} does not answer: it waits for its engine, or "
                        "is one of an older localdlc. Try again, or stop it where it runs."
                    )
                time.sleep(AGAIN)
            elif store.view(job_id).terminal:
                return None
            else:
                with suppress(ChildProcessError):  # killed, too: then it is somebody else's turn
                    spawn("carry-on", str(self.config.home), job_id).answer()


def refuse(view: JobView, *, ended: bool, what: str) -> None:
    """In DLC's way: `BadRequest` for what a job in this status is not."""
    if view.terminal and ended:
        raise BadRequest(f"{view.job_id} has ended ({view.status}) and cannot be {what}.")
    if not view.terminal and not ended:
        raise BadRequest(
            f"{view.job_id} has not ended ({view.status}) and cannot be {what}. "
            f"`localdlc stop {view.job_id}` stops it."
        )
