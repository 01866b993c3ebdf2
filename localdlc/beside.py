"""Work beside this process: where two slow imports can each have a core, they should."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

__all__ = ["beside"]

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Starts ``work`` in a forked process; call what is returned for its result, or its error.

    Result and error travel as pickles. Where other threads run there is no fork, since a lock that
    one of them holds would stay held in the copy for ever; and should the child be killed there is
    no answer: ``work`` is then done here when it is asked for.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return work
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer(work, writer)
    os.close(writer)
    return lambda: result(child, reader, work)


def answer(work: Callable[[], object], writer: int) -> None:
    """The child's whole life. Whatever happens, it never goes back into the parent's code."""
    try:
        try:
            told = pickle.dumps((work(), None))
        except Exception as error:  # noqa: BLE001 - the parent raises it
            told = pickle.dumps((None, error))
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(told)
    finally:
        os._exit(0)


def result(child: int, reader: int, work: Callable[[], T]) -> T:
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    with suppress(ChildProcessError):  # where SIGCHLD is ignored nobody is left to wait for
        os.waitpid(child, 0)
    if not told:
        return work()
    value: T
    value, error = pickle.loads(told)  # noqa: S301 - from our own child
    if error is not None:
        raise error
    return value
