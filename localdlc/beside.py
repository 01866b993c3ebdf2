"""Work beside this process: where two slow imports can each have a core, they should."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["beside"]

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Starts ``work`` in a forked process; call what is returned for its result, or its error.

    Result and error travel as pickles. Where other threads run there is no fork, since a lock that
    one of them holds would stay held in the copy for ever: ``work`` is then done when asked for.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return work
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        answer(work, writer)
    os.close(writer)
    return lambda: result(child, reader)


def answer(work: Callable[[], object], writer: int) -> None:
    """The child's whole life. Nothing of the parent's is flushed, closed or called at its end."""
    try:
        told = pickle.dumps((work(), None))
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        told = pickle.dumps((None, error))
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(told)
    os._exit(0)


def result(child: int, reader: int) -> Any:
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    value, error = pickle.loads(told)  # noqa: S301 - from our own child
    if error is not None:
        raise error
    return value
