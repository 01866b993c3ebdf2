"""A job of a test ends when the test has to: after its time, or when somebody interrupts pytest."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from localdlc.run.control import Control

__all__ = ["TIMEOUT", "ended_in_time", "killed_by_signals"]

TIMEOUT = "timeout"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_in_time(control: Control, seconds: float | None) -> Iterator[None]:
    """Stops the job after so many ``seconds``, as a user would: SIGTERM, grace, SIGKILL."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, control.stop, [TIMEOUT])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def killed_by_signals(control: Control) -> Iterator[None]:
    """A signal that would end this process kills the job first, and is delivered afterwards.

    The second one is delivered at once. Signals that somebody handles or ignores stay as they are;
    in other threads than the main one there are none.
    """
    seen: list[int] = []

    def handle(number: int, frame: object) -> None:
        seen.append(number)
        control.kill()
        if len(seen) > 1:
            raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    before = {n: signal.getsignal(n) for n in SIGNALS} if ours else {}
    deadly = [n for n, h in before.items() if h in (signal.SIG_DFL, signal.default_int_handler)]
    for number in deadly:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in deadly:
            signal.signal(number, before[number])
        if seen:
            os.kill(os.getpid(), seen[0])
