"""Runs many jobs, each in a process of its own that can be killed, without loading localdlc anew.

    python nursery.py

A job a line of standard input: its JobId, its request, its configuration, its environment. A line
of standard output for each that has begun (its process id) and for each that has ended (its exit
code, negative for a signal).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

# What every job needs is loaded once, before the first fork.
from localdlc import service
from localdlc.config import load_config
from localdlc.errors import LocaldlcError
from localdlc.job import admission, metering, wiring
from localdlc.plan import build, gpu_policy
from localdlc.run import docker_engine, docker_gpus, gpus
from localdlc.run.control import Control

LOADED = (admission, build, docker_engine, docker_gpus, gpu_policy, gpus, metering, wiring)


def main() -> None:
    names: dict[int, str] = {}

    def reap(*_: object) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            tell(names[pid], ended=os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            run(asked)
        names[pid] = asked["job_id"]
        tell(asked["job_id"], began=pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def tell(job_id: str, **what: int) -> None:
    os.write(1, f"{json.dumps({'job_id': job_id, **what})}\n".encode())


def run(asked: dict[str, Any]) -> NoReturn:
    code = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(null, stream)
        os.environ.update(asked["environment"])
        control = Control()
        signal.signal(signal.SIGTERM, lambda *_: control.stop("SIGTERM"))
        config = load_config(asked["config"], os.environ, Path(asked["config"]["home"]).parent)
        done = service.Service(config).create_job(
            json.dumps(asked["request"]).encode(), job_id=asked["job_id"], control=control
        )
        code = done.exit_code
    except LocaldlcError as error:
        code = error.exit_code
        sys.stderr.write(f"{asked['job_id']}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
