"""AIWorkSpace on loopback: datasets and code sources for whoever signs as the vendor does."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})"
)


@dataclass
class Workspace:
    """``answers`` by path; ``users`` are ids and secrets; ``asked`` is every answered path."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=lambda: {"ws-id-planted": "ws-secret-planted"})
    asked: list[tuple[str, str]] = field(default_factory=list)
    endpoint: str = ""

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if not self.signed(path, headers):
            return 400, refusal("SignatureDoesNotMatch", "the signature is another")
        if headers.get("x-acs-version") != "2021-02-04":
            return 400, refusal("NoSuchVersion", headers.get("x-acs-version", ""))
        if path not in self.answers:
            return 404, refusal("NotFound", f"there is no {path}")
        self.asked.append((headers["x-acs-action"], path))
        return 200, {"RequestId": "R", **self.answers[path]}

    def signed(self, path: str, headers: Mapping[str, str]) -> bool:
        found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not found or found[1] not in self.users:
            return False
        lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in found[2].split(";"))
        payload = headers["x-acs-content-sha256"]
        canonical = "\n".join(("GET", path, "", lines, found[2], payload))
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        wanted = hmac.new(self.users[found[1]].encode(), text.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, found[3])


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"RequestId": "R", "HostId": "workspace", "Code": code, "Message": message}


class Handler(BaseHTTPRequestHandler):
    """GET only; the server knows the answer."""

    server: Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = self.server.workspace.answer(urlsplit(self.path).path, headers)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing on the test's output."""


class Server(ThreadingHTTPServer):
    """A `Workspace` behind a port of its own."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.workspace = workspace


@contextmanager
def workspace() -> Iterator[Workspace]:
    served = Workspace()
    server = Server(served)
    served.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
