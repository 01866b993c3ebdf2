"""A service on loopback that answers every question with a status and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = Callable[[str, str, Mapping[str, str], str], tuple[int, Mapping[str, Any]]]
"""Method, path with its query, headers by their names in lower case, body."""


class Handler(BaseHTTPRequestHandler):
    """One question; the server knows the answer."""

    server: Server

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = self.rfile.read(int(headers.get("content-length") or 0)).decode()
        status, body = self.server.answer(self.command, self.path, headers, asked)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST  # noqa: N815 - the name is http.server's

    def log_message(self, *args: object) -> None:
        """Nothing on the test's output."""


class Server(ThreadingHTTPServer):
    """An `Answer` behind a port of its own."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """Its address, for as long as it is served."""
    server = Server(answer)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
