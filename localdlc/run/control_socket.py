"""Where other processes reach a running job: the socket ``jobs/<JobId>/control``.

They send a word a line, ``stop`` or ``kill``, or ``follow`` for a byte whenever something was
recorded. What that is they read where it is recorded; so nobody who reads slowly holds the job up.
The end of the connection is the end of the supervisor, however it ends.
"""

from __future__ import annotations

import os
import pwd
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from localdlc.record.events import Record
from localdlc.record.view import JobView
from localdlc.run.control import Control

__all__ = ["ControlSocket", "call", "heard"]

SOCKET = "control"
CHANGED = b"."


@contextmanager
def place(folder: Path) -> Iterator[str]:
    """The path of a socket has 108 bytes at most; that of a home may be longer."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)


def call(folder: Path, word: str) -> socket.socket | None:
    """Sends ``word`` to the supervisor of the job in ``folder``; None when nobody answers."""
    line = socket.socket(socket.AF_UNIX)
    try:
        with place(folder) as path:
            line.connect(path)
        line.sendall(word.encode() + b"\n")
    except OSError:
        line.close()
        return None
    return line


def heard(line: socket.socket) -> bool:
    """Waits for the next news; False when the supervisor has ended."""
    try:
        return bool(line.recv(1 << 16))
    except ConnectionError:  # it was killed before it had heard us
        return False


class ControlSocket:
    """Answers on a thread of its own until it is closed; as a listener it tells who follows."""

    def __init__(self, folder: Path, control: Control) -> None:
        self._file = folder / SOCKET
        self._control = control
        self._followers: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._file.unlink(missing_ok=True)  # of one that was killed
        with place(folder) as path:
            self._server.bind(path)
        self._server.listen()
        self._thread = Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def __call__(self, record: Record, view: JobView) -> None:
        for line in self._followers:
            with suppress(OSError):  # it is gone, or has been told often enough
                line.send(CHANGED, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def close(self) -> None:
        """Hangs up on everybody."""
        self._file.unlink(missing_ok=True)
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        poll, lines = select.poll(), dict[int, socket.socket]()
        poll.register(self._server, select.POLLIN)
        while True:
            for handle, _ in poll.poll():
                if line := lines.get(handle):
                    if not self._hear(line):
                        poll.unregister(lines.pop(handle))
                        self._leave(line)
                elif line := self._accepted():
                    lines[line.fileno()] = line
                    poll.register(line, select.POLLIN)
                else:
                    for line in (self._server, *lines.values()):
                        line.close()
                    return

    def _accepted(self) -> socket.socket | None:
        """None when the server is closed."""
        try:
            return self._server.accept()[0]
        except OSError:
            return None

    def _hear(self, line: socket.socket) -> bool:
        """Whether it has not hung up. A word is short enough to come in one piece."""
        try:
            words = line.recv(1 << 10, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for word in words.split():
            self._obey(word, line)
        return bool(words)

    def _obey(self, word: bytes, line: socket.socket) -> None:
        match word:
            case b"follow":
                self._followers = [*self._followers, line]
            case b"stop":
                self._control.stop(user_of(line))
            case b"kill":
                self._control.stop(user_of(line))
                self._control.kill()

    def _leave(self, line: socket.socket) -> None:
        self._followers = [other for other in self._followers if other is not line]
        line.close()


def user_of(line: socket.socket) -> str:
    """Whose process it is, as the kernel says."""
    told = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", told)
    try:
        return f"{pwd.getpwuid(uid).pw_name} (localdlc stop)"
    except KeyError:
        return f"user {uid} (localdlc stop)"
