"""Supervisors in processes of their own: they outlive the command that started them."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import IO

__all__ = ["Spawned", "carry_on", "spawn"]

# The shell is gone at once, so the supervisor is nobody's child that somebody had to wait for.
BACKGROUND = 'exec 3<&0; "$@" <&3 3<&- &'


class Spawned:
    """A supervisor on its way. It is told what to do, and answers once it does it."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders = orders
        self._answers = answers

    def tell(self, orders: bytes = b"") -> None:
        """Without orders it ends."""
        with self._orders:
            self._orders.write(orders)

    def answer(self) -> None:
        """Waits until it has begun. Raises what kept it from it, `ChildProcessError` if killed."""
        with self._answers:
            told = self._answers.read()
        error = pickle.loads(told) if told else ChildProcessError("the supervisor ended too soon")  # noqa: S301 - from our own child
        if error is not None:
            raise error

    def loaded(self) -> None:
        """Waits until it could take over from a process that is about to leave, or is no more."""
        self._answers.read(1)

    def leave(self) -> None:
        """It goes on by itself; nobody hears what it answers."""
        self._orders.close()
        self._answers.close()


def spawn(*arguments: str) -> Spawned:
    """Begins ``python -m localdlc.supervising`` in a session of its own."""
    import subprocess

    command = [sys.executable, "-m", "localdlc.supervising", *arguments]
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        ["/bin/sh", "-c", BACKGROUND, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    process.wait()
    assert process.stdin  # noqa: S101 - for the types
    assert process.stdout  # noqa: S101
    return Spawned(process.stdin, process.stdout)


def carry_on(home: Path, job_id: str) -> None:
    """Begins a supervisor for a job that has lost its own, and leaves it alone."""
    spawn("carry-on", str(home), job_id).leave()
