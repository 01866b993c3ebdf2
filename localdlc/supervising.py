"""A supervisor's own process: ``python -m localdlc.supervising``, started by `spawn`.

It answers on standard output, with an error or with None, once the job is in its hands; from then
on it has neither a terminal nor anybody who waits for it, and all that it says goes to
``jobs/<JobId>/supervisor.log``.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import select
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from localdlc.config import load_config
from localdlc.errors import LocaldlcError
from localdlc.job.sweep import sweep
from localdlc.job.wiring import run_job
from localdlc.record.events import Record
from localdlc.record.view import JobView
from localdlc.run.control import Control
from localdlc.run.docker_engine import connect
from localdlc.taking_over import take_over

__all__ = ["main"]

LOG = "supervisor.log"
# To who is about to leave: from now on the job is not without a supervisor for long.
LOADED = b"."


class Detached:
    """This process, from the moment on at which nobody waits for it any more."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log: Path | None = None

    def __call__(self, record: Record, view: JobView) -> None:
        """As a listener: the job has begun, also if it waits; not if there was no room for it."""
        if view.status not in {"", "Creating"} and not view.terminal:
            self.begun(record.job_id)

    def begun(self, job_id: str) -> None:
        if self.log is None:
            self.log = self.home / "jobs" / job_id / LOG
            answer(None)
            nowhere = os.open(os.devnull, os.O_RDONLY)
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for number, handle in ((0, nowhere), (1, log), (2, log)):
                os.dup2(handle, number)
            faulthandler.enable()

    def broken(self, error: BaseException) -> None:
        """What a job ended with is recorded; only a bug leaves a trace."""
        if self.log is None:
            answer(error)
        elif not isinstance(error, LocaldlcError):
            traceback.print_exception(error)

    def close(self) -> None:
        with suppress(OSError):
            if self.log and not self.log.stat().st_size:
                self.log.unlink()


def answer(error: BaseException | None) -> None:
    """Whoever asked may be gone."""
    with suppress(OSError):
        os.write(1, pickle.dumps(error))


def main() -> None:
    """``run`` (request and plan on standard input), ``carry-on HOME JOB [PID]`` or ``sweep HOME``.

    PID is who has the job still, and is about to leave it.
    """
    if path := os.environ.pop("PYTHONPATH").partition(os.pathsep)[2]:
        os.environ["PYTHONPATH"] = path  # what we start is to find what it always finds
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    match sys.argv[1:]:
        case ["run"]:
            run()
        case ["carry-on", home, job_id, *leaving]:
            for pid in leaving:
                os.write(1, LOADED)
                wait_for(int(pid))
            carry_on(Path(home), job_id)
        case ["sweep", home]:
            with suppress(LocaldlcError):  # the next command tries again
                sweep(connect(os.environ), Path(home))


def wait_for(pid: int) -> None:
    """Until a process is gone, and with it every lock that it had."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        select.select([handle], [], [])
        os.close(handle)


def run() -> None:
    orders = sys.stdin.buffer.read()
    if not orders:
        return
    request, plan, config, mask = pickle.loads(orders)  # noqa: S301 - from who started us
    detached = Detached(config.home)
    try:
        engine = connect(os.environ)
        run_job(request, plan, engine, config, [detached], stopped_by_signals(), mask)
    except BaseException as error:  # noqa: BLE001 - nobody else would ever hear of it
        mask.exception(error)
        detached.broken(error)
    else:
        if detached.log is None:  # it is over already
            answer(None)
    detached.close()


def carry_on(home: Path, job_id: str) -> None:
    detached = Detached(home)
    try:
        config = load_config({"home": str(home)}, os.environ, Path.cwd())
        take_over(job_id, config, stopped_by_signals(), lambda: detached.begun(job_id))
    except BaseException as error:  # noqa: BLE001 - nobody else would ever hear of it
        detached.broken(error)
    else:
        if detached.log is None:  # there was nothing to do
            answer(None)
    detached.close()


def stopped_by_signals() -> Control:
    """SIGTERM and SIGINT stop the job, once more kills it."""
    control = Control()
    seen: list[int] = []

    def handle(number: int, frame: object) -> None:
        seen.append(number)
        if len(seen) == 1:
            control.stop(signal.Signals(number).name)
        else:
            control.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return control


if __name__ == "__main__":
    main()
