"""The server: connections that stay open, a thread for each, faults on the way out."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import replace
from email.utils import formatdate
from itertools import count
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from .faults import Fault, Faults, Severed, order_from
from .messages import Answer, Request, read_request, send_whole
from .objects import Bucket
from .refusal import Refusal
from .seen import Seen, SeenRequest
from .service import Service, operation
from .signature import PERMANENT, TEMPORARY, Account

# No bucket can have this name: orders for a server in another process go there.
ADMIN = "-"
RESET = struct.pack("ii", 1, 0)


class OssServer:
    """Answers on loopback from its making until it is closed.

    ``account`` are keys that are good for everything, ``temporary`` ones that need their token.
    """

    account: Account = PERMANENT
    temporary: Account = TEMPORARY

    def __init__(self, port: int = 0) -> None:
        accounts = {account.key: account for account in (self.account, self.temporary)}
        self.service = Service(accounts=accounts)
        self.faults = Faults()
        self.seen = Seen()
        self._numbers = count(1)
        self._sockets = Listener(port, self)
        self._thread = Thread(target=self._sockets.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._sockets.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self, name: str, public: bool = False) -> Bucket:
        """The bucket of this name, made if need be."""
        return self.service.buckets.setdefault(name, Bucket(name, public))

    def answer(self, request: Request) -> tuple[Answer, list[Fault]]:
        """The answer, and the faults that its sending has to suffer."""
        if request.bucket == ADMIN:
            return self._administer(request), []
        name = operation(request)
        headers = request.headers
        self.seen.requests.append(
            SeenRequest(
                name,
                request.method,
                request.bucket,
                request.key,
                request.query,
                headers.get("range", ""),
            )
        )
        faults = self.faults.of(name, request.key)
        number = f"{next(self._numbers):024X}"
        try:
            for fault in faults:
                fault.before(request, self.service.buckets.get(request.bucket))
            answer = self.service.answer(name, request)
        except Refusal as refusal:
            answer = refusal.answer(number)
        answer.headers["x-oss-request-id"] = number
        answer.headers["Date"] = formatdate(usegmt=True)
        answer.headers["Server"] = "AliyunOSS"
        for fault in faults:
            answer = fault.answer(answer)
        return answer, faults

    def _administer(self, request: Request) -> Answer:
        """``POST /-/faults``, ``GET /-/requests``, and DELETE of either."""
        whole: Faults | Seen = self.faults if request.key == "faults" else self.seen
        if request.method == "POST":
            order_from(json.loads(request.body), self.faults)
        elif request.method == "DELETE":
            whole.clear()
        told = [one.told() for one in self.seen.requests] if whole is self.seen else []
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def close(self) -> None:
        self.faults.clear()
        self._sockets.shutdown()
        self._sockets.server_close()
        self._sockets.hang_up()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Listener(ThreadingTCPServer):
    """Knows its open connections, which clients keep, so that closing closes them too."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, port: int, oss: OssServer) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.oss = oss
        self.lock = Lock()
        self.open: set[socket.socket] = set()

    def hang_up(self) -> None:
        with self.lock:
            for connection in self.open:
                connection.shutdown(socket.SHUT_RDWR)


class Conversation(StreamRequestHandler):
    """One connection: request, answer, request, answer."""

    server: Listener
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.open.add(self.connection)

    def finish(self) -> None:
        with self.server.lock:
            self.server.open.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            while request := read_request(self.rfile):
                self.say(request)
        except Severed as end:
            if end.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                # Closing a socket's last handle is what sends the reset.
                self.rfile.close()
                self.connection.close()
        except OSError:
            """The client has gone, which is its right."""

    def say(self, request: Request) -> None:
        answer, faults = self.server.oss.answer(request)
        if request.method == "HEAD":
            size = answer.size if answer.length is None else answer.length
            answer = replace(answer, body=b"", length=size)
        if not faults:
            send_whole(self.connection, answer)
            return
        self.connection.sendall(answer.head())
        blocks = answer.blocks()
        for fault in faults:
            blocks = fault.sent(blocks)
        for block in blocks:
            self.connection.sendall(block)
