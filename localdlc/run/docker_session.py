"""A command in a running container, and the two ends of its streams."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from localdlc.run.docker_errors import speaking
from localdlc.run.engine import Stream
from localdlc.run.frames import DockerAttachment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

__all__ = ["DockerSession"]

BLOCK = 1 << 16
# Docker 20.10 ends what it could not find as what it may not run, with 126.
ABSENT = re.compile(rb"OCI runtime exec failed: .*(?:executable file not found|no such file)")
NOT_RUNNABLE, NOT_FOUND = 126, 127


class DockerSession:
    """A `Session`, over the connection that the engine hands over for it."""

    def __init__(
        self, client: docker.APIClient, container_id: str, command: Sequence[str], *, terminal: bool
    ) -> None:
        self._client = client
        self._terminal = terminal
        self._absent = False
        with speaking("run a command in a replica"):
            made = client.exec_create(container_id, list(command), stdin=True, tty=terminal)
            self._id = made["Id"]
            connection: Any = client.exec_start(self._id, tty=terminal, socket=True)
        self._socket = connection
        # docker-py hands over a file of the connection; over TLS it is the connection itself.
        self._line: socket.socket = getattr(connection, "_sock", connection)

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        for number, (stream, block) in enumerate(self._blocks()):
            if number == 0:
                self._absent = ABSENT.match(block) is not None
            yield stream, block

    def _blocks(self) -> Iterator[tuple[Stream, bytes]]:
        if not self._terminal:
            yield from DockerAttachment(self._socket)
            return
        while block := self._line.recv(BLOCK):
            yield "stdout", block

    def send(self, data: bytes) -> None:
        self._line.sendall(data)

    def end_input(self) -> None:
        self._line.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        with speaking("tell a replica how large the terminal is"):
            self._client.exec_resize(self._id, rows, columns)

    def code(self) -> int:
        with speaking("run a command in a replica"):
            code = self._client.exec_inspect(self._id)["ExitCode"]
        if code == NOT_RUNNABLE and self._absent:
            return NOT_FOUND
        return 137 if code is None else int(code)

    def close(self) -> None:
        getattr(self._socket, "_response", self._socket).close()
