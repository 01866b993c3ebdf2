"""Where replicas ask for credentials: a socket a replica, in a folder that only it is shown."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Lock, Thread
from typing import Any

__all__ = ["Answer", "Desk"]

Answer = Callable[[str], tuple[int, dict[str, str]]]
"""The status and the JSON body for the path that was asked for."""

SOCKET = "desk"
GATE = "gate"


class Handler(BaseHTTPRequestHandler):
    """One question of a replica."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        status, body = self.server.answer(self.path)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing: what is answered here is secret."""


class Server(ThreadingMixIn, UnixStreamServer):
    """One replica's socket; `hang_up` ends what is still connected, the relay's lifeline, too."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.answer = answer
        self._over = False
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        # The path of a socket has 108 bytes at most; that of a home may be longer.
        folder_fd = os.open(folder, os.O_RDONLY)
        try:
            super().__init__(f"/proc/self/fd/{folder_fd}/{SOCKET}", Handler)
        finally:
            os.close(folder_fd)
        (folder / SOCKET).chmod(0o666)

    def get_request(self) -> tuple[socket.socket, str]:
        connection, _ = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, "replica"

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A replica that hangs up is no error."""

    def serve(self) -> None:
        """Until `hang_up`."""
        while not self._over:
            self.handle_request()
        self.server_close()

    def hang_up(self) -> None:
        self._over = True
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for a connection
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Desk:
    """Opened for all replicas at once, closed for each when it has ended.

    The folder above lets nobody through but its owner: what lies below is open to any user of a
    container, and to no other user of this machine.
    """

    def __init__(self, folder: Path, answer: Answer) -> None:
        self._folder = folder
        self._answer = answer
        self._servers: dict[str, Server] = {}
        self._opening = Lock()
        self._closed = False

    def open(self, pods: Iterable[str]) -> None:
        """Once, and not when it has been closed meanwhile."""
        with self._opening:
            if self._closed:
                return
            self._folder.mkdir(mode=0o700)
            for pod in pods:
                own = self._folder / pod
                own.mkdir()
                own.chmod(0o755)
                os.mkfifo(own / GATE)
                (own / GATE).chmod(0o644)
                self._admit(pod)

    def admit(self, pod: str) -> None:
        """Opens for a replica, also for the next attempt of one that has ended."""
        with self._opening:
            if not self._closed:
                self._admit(pod)

    def _admit(self, pod: str) -> None:
        if pod in self._servers:
            return
        (self._folder / pod / SOCKET).unlink(missing_ok=True)
        self._servers[pod] = server = Server(self._folder / pod, self._answer)
        Thread(target=server.serve, name=f"desk {pod}", daemon=True).start()

    def socket(self, pod: str) -> Path:
        return self._folder / pod / SOCKET

    def let_through(self, pod: str, script: str) -> None:
        """Waits for the replica's command to come to its gate, and hands it ``script``."""
        with suppress(OSError), (self._folder / pod / GATE).open("w") as gate:
            gate.write(script)

    def turn_away(self, pod: str) -> int | None:
        """Nobody will come to the gate any more: ends `let_through`, until the answer is closed."""
        try:
            return os.open(self._folder / pod / GATE, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None

    def hang_up(self, pod: str) -> None:
        if server := self._servers.pop(pod, None):
            server.hang_up()

    def close(self) -> None:
        """For good: whoever opens it afterwards opens nothing."""
        with self._opening:
            self._closed = True
        for pod in list(self._servers):
            self.hang_up(pod)
        shutil.rmtree(self._folder, ignore_errors=True)
