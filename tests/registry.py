"""A registry of one image on loopback, enough of the protocol for an engine to pull from it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True)
class Registry:
    """Where it answers, and every path that was asked for."""

    image: str
    asked: list[str]


def layer(name: str) -> bytes:
    """A tar of one small file."""
    content = name.encode() * 1000
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def image_of(layers: list[bytes]) -> tuple[bytes, bytes]:
    """Manifest and config of an image of these layers."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in layers]},
        }
    ).encode()

    def described(kind: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "size": len(data), "digest": digest(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, config),
        "layers": [described(LAYER, data) for data in layers],
    }
    return json.dumps(manifest).encode(), config


class Handler(BaseHTTPRequestHandler):
    """The pulling half of the protocol. What there is to serve stands on the server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.wanted not in {None, self.headers.get("Authorization")}:
            self.answer(401, b"{}", "application/json")
        elif body := self.server.served.get(self.path):
            kind = MANIFEST if "/manifests/" in self.path else "application/octet-stream"
            self.answer(200, body, kind)
        else:
            self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', "application/json")

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Docker-Content-Digest", digest(body))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing on the test's output."""


class Server(ThreadingHTTPServer):
    """``served`` by path; ``wanted`` is the Authorization header to insist on."""

    def __init__(self, served: dict[str, bytes], wanted: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.served = served
        self.wanted = wanted
        self.asked: list[str] = []


@contextmanager
def registry(name: str, login: tuple[str, str] | None = None) -> Iterator[Registry]:
    """Serves ``name`` with two layers; only to ``login`` (user, password), if one is given."""
    layers = [layer("first"), layer("second")]
    manifest, config = image_of(layers)
    served = {f"/v2/{name}/blobs/{digest(data)}": data for data in (config, *layers)}
    served |= {f"/v2/{name}/manifests/{tag}": manifest for tag in ("latest", digest(manifest))}
    served["/v2/"] = b"{}"
    header = base64.b64encode(":".join(login or ()).encode()).decode()
    server = Server(served, f"Basic {header}" if login else None)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Registry(f"127.0.0.1:{server.server_port}/{name}:latest", server.asked)
    finally:
        server.shutdown()
        server.server_close()
