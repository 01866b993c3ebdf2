"""A package index on loopback, as PEP 503 has it, and wheels of one small module to put into it."""

from __future__ import annotations

import base64
import hashlib
import io
import ssl
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread


def wheel(
    name: str, version: str = "1.0", needs: Sequence[str] = (), size: int = 0, script: str = ""
) -> bytes:
    """A wheel of the module ``name``, which knows its ``version``; ``size`` bytes are added.

    ``script`` is a program that says it.
    """
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\ndef main(): print(version)\n".encode(),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": tags.encode(),
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n".encode()
    if size:
        files[f"{name}.bin"] = bytes(size)
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD")).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def file_name(name: str, version: str = "1.0") -> str:
    return f"{name}-{version}-py3-none-any.whl"


def write_index(root: Path, packages: dict[str, bytes]) -> Path:
    """The same as files: ``root/files`` and ``root/simple``, which links to it."""
    (root / "files").mkdir(parents=True)
    for name, content in packages.items():
        (root / "files" / name).write_bytes(content)
        page = root / "simple" / name.partition("-")[0] / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a") as out:
            out.write(f'<a href="../../files/{name}">{name}</a>\n')
    return root / "simple"


@dataclass
class Index:
    """Where it answers, how it answered to which path, and a gate for files."""

    port: int
    packages: dict[str, bytes]
    certificate: Path
    login: tuple[str, str] | None
    asked: list[tuple[int, str]] = field(default_factory=list)
    open: Event = field(default_factory=Event)
    held: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        login = ":".join(self.login) + "@" if self.login else ""
        return f"https://{login}127.0.0.1:{self.port}/simple"

    @property
    def files(self) -> list[str]:
        """Those that were sent, as often as they were."""
        sent = [path for status, path in self.asked if status == 200]
        return [path.rpartition("/")[2] for path in sent if path.startswith("/files/")]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        index = self.server.index
        wanted = base64.b64encode(":".join(index.login or ()).encode()).decode()
        if index.login and self.headers.get("Authorization") != f"Basic {wanted}":
            self.answer(401, b"")
            return
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "files":
            self.file(index, name)
        else:
            self.page(index, name)

    def file(self, index: Index, name: str) -> None:
        index.held.set()
        index.open.wait(60)
        content = index.packages.get(name)
        self.answer(200 if content else 404, content or b"")

    def page(self, index: Index, project: str) -> None:
        names = [n for n in index.packages if n.partition("-")[0].replace("_", "-") == project]
        links = (f'<a href="/files/{name}">{name}</a>' for name in names)
        self.answer(200 if names else 404, "\n".join(links).encode(), "text/html")

    def answer(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        if self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.server.index.asked.append((status, self.path))
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        self.send_header("ETag", tag)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing on the test's output."""


class Server(ThreadingHTTPServer):
    index: Index


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody knows yet, in one file."""
    path = folder / "index.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "index.key"), "-out", str(path)]
    subprocess.run(["openssl", "req", *made, *subject, *files], check=True, capture_output=True)
    return path


@contextmanager
def package_index(
    packages: dict[str, bytes], folder: Path, login: tuple[str, str] | None = None
) -> Iterator[Index]:
    """Serves wheels by their file names; only to ``login`` (user, password), if one is given.

    ``folder`` gets a certificate of its own.
    """
    pem = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, folder / "index.key")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.index = Index(server.server_port, packages, pem, login)
        server.index.open.set()
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.index
        finally:
            server.index.open.set()
            server.shutdown()
