"""What sits at an engine's socket and is none: each test says what it answers."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from threading import Thread


class DumbEngine(ABC):
    """Accepts whoever comes to a Unix socket, each on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.host = f"unix://{path}"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                Thread(target=self._talk, args=(near,), daemon=True).start()

    def _talk(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            self.answer(near, near.recv(1 << 16))

    @abstractmethod
    def answer(self, near: socket.socket, asked: bytes) -> None:
        """Says what it says; then it is hung up."""

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
