"""A request as it was read from the wire, and the answer that goes back.

Not http.server's: its parsing through `email` costs more than everything else that a small object
costs here, and the server must be faster than the clients that are measured against it.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import unquote, urlsplit

BLOCK = 1 << 16
# The hosts behind which the bucket is the first part of the path; elsewhere it leads the host name.
ADDRESS = re.compile(r"[\d.]+|\[.*\]|localhost")


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` by lower-case name; ``query`` and ``key`` are decoded; "" is "no bucket"."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Slice:
    """``count`` bytes of a file from ``start``."""

    path: Path
    start: int
    count: int

    def read(self, start: int, count: int) -> bytes:
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), count, self.start + start)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``length`` is for a HEAD, whose answer tells the size of what it omits."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Slice = b""
    length: int | None = None

    @property
    def size(self) -> int:
        return self.body.count if isinstance(self.body, Slice) else len(self.body)

    def blocks(self) -> Iterator[bytes]:
        for start in range(0, self.size, BLOCK):
            count = min(BLOCK, self.size - start)
            if isinstance(self.body, Slice):
                yield self.body.read(start, count)
            else:
                yield self.body[start : start + count]

    def head(self) -> bytes:
        length = self.size if self.length is None else self.length
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            f"Content-Length: {length}",
        ]
        return "\r\n".join((*lines, "\r\n")).encode()


def send_whole(connection: socket.socket, answer: Answer) -> None:
    """The quick way: one call for what is small, the kernel's copying for a large file."""
    if answer.size > BLOCK and isinstance(answer.body, Slice):
        connection.sendall(answer.head())
        with answer.body.path.open("rb") as file:
            connection.sendfile(file, answer.body.start, answer.body.count)
    else:
        connection.sendall(answer.head() + b"".join(answer.blocks()))


def read_request(stream: BufferedIOBase) -> Request | None:
    """The next request on a connection; None at its end."""
    words = stream.readline().decode("latin-1").split()
    if len(words) != 3:
        return None
    method, target, _ = words
    headers = read_headers(stream)
    url = urlsplit(target)
    # A proxy is asked with the whole URL, so that a client may use its real endpoint with us.
    bucket, key = place(url.netloc or headers.get("host", ""), unquote(url.path))
    return Request(method, bucket, key, read_query(url.query), headers, read_body(stream, headers))


def read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers = {}
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers


def place(host: str, path: str) -> tuple[str, str]:
    """Bucket and key, from the path alone or with the bucket in the host name."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    path = path.removeprefix("/")
    if ADDRESS.fullmatch(name):
        bucket, _, key = path.partition("/")
        return bucket, key
    return ("" if name.startswith("oss-") else name.partition(".")[0]), path


def read_query(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    # A blank may come as a plus, a plus comes as %2B.
    return {unquote(name): unquote(value.replace("+", " ")) for name, _, value in pairs}


def read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(read_chunks(stream))
    return stream.read(int(headers.get("content-length") or 0))


def read_chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := int(stream.readline().partition(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()
