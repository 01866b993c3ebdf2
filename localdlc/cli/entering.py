"""``exec``: into a replica, with a terminal where there is one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import JOB, noticing, shared
from localdlc.errors import LocaldlcError

if TYPE_CHECKING:
    from localdlc.run.engine import Session

__all__ = ["exec_"]

BLOCK = 1 << 16


@click.command("exec", context_settings={"allow_interspersed_args": False})
@shared
@JOB
@click.argument("pod", metavar="POD")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD...]")
def exec_(job: str, pod: str, command: tuple[str, ...], **flags: Any) -> int:
    """Run CMD, or a shell, in the replica POD of JOB, and exit as it does.

    A replica that has ended and was kept (--keep) is entered in a copy of what it left.

    \b
    localdlc exec last worker-0
    localdlc exec last worker-0 -- nvidia-smi -L
    """
    terminal = bool(sys.stdin) and sys.stdin.isatty() and sys.stdout.isatty()
    jobs = noticing(flags)
    wanted = command[command[:1] == ("--",) :]
    with jobs.enter_job(job, pod, wanted, terminal=terminal) as session:
        Thread(target=send, args=(session,), name="input", daemon=True).start()
        if terminal:
            with raw(session) as resize:
                show(session, resize)
        else:
            show(session)
        return session.code()


def show(session: Session, begun: Callable[[], None] = lambda: None) -> None:
    outs = {"stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
    for stream, block in session:
        begun()
        begun = lambda: None  # noqa: E731 - once
        outs[stream].write(block)
        outs[stream].flush()


def send(session: Session) -> None:
    """All of standard input, as it comes."""
    with suppress(OSError):  # the command has ended
        if sys.stdin:
            while block := os.read(sys.stdin.fileno(), BLOCK):
                session.send(block)
        session.end_input()


@contextmanager
def raw(session: Session) -> Iterator[Callable[[], None]]:
    """Every key goes to the replica. Call what is yielded to tell it how large the terminal is:
    once it runs, and not before; later changes it hears of by itself.
    """
    import termios
    import tty

    def resize(*_: object) -> None:
        columns, rows = os.get_terminal_size()
        with suppress(LocaldlcError):  # it has ended
            session.resize(rows, columns)

    handle = sys.stdin.fileno()
    before, handler = termios.tcgetattr(handle), signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(handle)
        yield resize
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
