"""A real `git http-backend` behind basic authentication, and repositories to serve."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "safe.directory=*")


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(repository: Path, **files: str | bytes) -> str:
    """Commits files by name, ``_`` standing for a dot; returns the commit."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (repository / name.replace("_", ".")).write_bytes(data)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", ", ".join(files) or "nothing", "--allow-empty")
    return git(repository, "rev-parse", "HEAD")


def new_repository(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, **files)
    return folder


@dataclass
class GitServer:
    """Serves the repositories below ``root`` at ``url``, to one user and token where set.

    ``requests`` are the method and path of all that came in, refused ones included; ``logins`` are
    ``user:token``. While ``gate`` is cleared a pack stops in its middle, and sets ``stuck``.
    """

    root: Path
    login: tuple[str, str] | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    gate: Event = field(default_factory=Event)
    stuck: Event = field(default_factory=Event)
    port: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_of(self, name: str, login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.port}/{name}"

    @property
    def packs(self) -> int:
        """How many times objects were asked for, or references through protocol 2."""
        return sum(path.endswith("/git-upload-pack") for method, path in self.requests)

    def allows(self, header: str | None) -> bool:
        if self.login is None:
            return True
        wanted = base64.b64encode(":".join(self.login).encode()).decode()
        return header == f"Basic {wanted}"


class Handler(BaseHTTPRequestHandler):
    """One connection: a login, then git's own program or the API of Git LFS."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        served = self.server.served
        body = self._body()
        parts = urlsplit(self.path)
        served.requests.append((self.command, parts.path))
        header = self.headers.get("Authorization")
        if header:
            served.logins.append(base64.b64decode(header.split()[1]).decode())
        if not served.allows(header):
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        elif "/info/lfs/" in parts.path:
            self._lfs(json.loads(body), parts.path.partition("/info/lfs/")[0])
        elif "/lfs/objects/" in parts.path:
            self._send(200, {}, (served.root / parts.path[1:]).read_bytes())
        else:
            self._backend(body, parts.path, parts.query)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _lfs(self, asked: dict[str, Any], repository: str) -> None:
        """The batch API, for downloads: docs/api/batch.md of git-lfs."""
        objects = []
        for wanted in asked["objects"]:
            oid = wanted["oid"]
            path = f"{repository.removesuffix('.git')}/.git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
            link = {"href": self.server.served.url + path}
            objects.append({**wanted, "actions": {"download": link}})
        body = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self._send(200, {"Content-Type": "application/vnd.git-lfs+json"}, body)

    def _backend(self, body: bytes, path: str, query: str) -> None:
        done = subprocess.run(
            ["git", *IDENTITY, "http-backend"],
            input=body,
            stdout=subprocess.PIPE,
            check=True,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.server.served.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(fields.pop("Status", "200").split()[0]), fields, content)

    def _send(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        served = self.server.served
        if b"PACK" in content and not served.gate.is_set():
            self.wfile.flush()
            served.stuck.set()
            served.gate.wait()
        self.wfile.write(content[half:])


class Server(ThreadingHTTPServer):
    """Quiet about clients that go away: some tests kill them."""

    daemon_threads = True

    def __init__(self, served: GitServer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.served = served
        served.port = self.server_port

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serving(root: Path, login: tuple[str, str] | None = None) -> Iterator[GitServer]:
    served = GitServer(root, login)
    with Server(served) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.gate.set()
            server.shutdown()
            thread.join()
