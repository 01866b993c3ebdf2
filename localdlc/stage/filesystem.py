"""Any place that fsspec knows: http, s3, hdfs, memory, …"""

from __future__ import annotations

import difflib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from localdlc.errors import InputError
from localdlc.stage.sources import Broken, Changed, Entry, patiently

if TYPE_CHECKING:
    from threading import Event

    from fsspec import AbstractFileSystem

__all__ = ["FilesystemSource", "open_filesystem", "reached"]

T = TypeVar("T")

# A file of up to so many bytes is read as one; a larger one must not fill the memory.
AT_ONCE = 16 << 20
BLOCK = 1 << 20
# Where file systems of fsspec put what tells one content from the next; the first that is there.
VERSIONS = (
    *("ETag", "etag", "md5Hash", "md5", "sha", "mtime", "LastModified", "last_modified"),
    *("modified", "Last-Modified", "updated", "modify", "created"),
)

# What packages are called that do not have their module's name.
PACKAGES = {"smbclient": "smbprotocol"}
UNREACHED = frozenset({
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH),
    errno.ETIMEDOUT,
})  # fmt: skip


def open_filesystem(uri: str, cancelled: Event) -> FilesystemSource:
    """The source at any other Uri. Raises `InputError` naming the package that is missing."""
    filesystem, path = reached(uri, use_listings_cache=False, **patience(uri.partition("://")[0]))
    return FilesystemSource(uri, filesystem, path, cancelled)


def reached(uri: str, **how: Any) -> tuple[AbstractFileSystem, str]:
    """The file system of a Uri, and the path in it. Raises `InputError` with what is missing."""
    from fsspec import available_protocols
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations as known

    scheme = uri.partition("://")[0]
    if scheme not in available_protocols():
        close = difflib.get_close_matches(scheme, known, 1)
        hint = f"Did you mean {close[0]}://? " if close else ""
        raise InputError(
            f"{uri}: nothing here reads {scheme}://. {hint}Or map it: --map {uri}=FOLDER."
        )
    try:
        return url_to_fs(uri, **how)  # type: ignore[no-any-return]
    except ImportError as error:
        told = f"{uri}: {scheme}:// needs one more package: {missing_package(error)}"
        raise InputError(told) from error
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{uri}: {in_words(uri, error)}.") from error


def missing_package(error: ImportError) -> str:
    """As a line for pip, where the module's name is known."""
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    name = (cause.name or "").partition(".")[0]
    return f"pip install {PACKAGES.get(name, name)}" if name else f"{error}."


def in_words(uri: str, error: Exception) -> str:
    """What a file system says; a host that cannot be reached is told alike by all of them."""
    host = urlsplit(uri).netloc.rpartition("@")[2]
    cause = getattr(error, "os_error", error)  # aiohttp wraps it
    number = getattr(cause, "errno", None)
    if isinstance(cause, socket.gaierror):
        return f"there is no host {host}"
    if isinstance(cause, OSError) and number in UNREACHED:
        return f"{host} does not answer ({os.strerror(number).lower()})"
    if cause is not error and number is None:  # several addresses, each with an error of its own
        return f"{host} does not answer"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def patience(scheme: str) -> dict[str, Any]:
    """Of its own accord aiohttp gives any answer five minutes in all, however well it comes."""
    if scheme not in {"http", "https"}:
        return {}
    from aiohttp import ClientTimeout

    return {"client_kwargs": {"timeout": ClientTimeout(sock_connect=10.0, sock_read=60.0)}}


class FilesystemSource:
    """A folder or file of a file system of fsspec's."""

    file_first = True

    def __init__(
        self, uri: str, filesystem: AbstractFileSystem, path: str, cancelled: Event
    ) -> None:
        self.uri = uri
        self._filesystem = filesystem
        self._path = path
        self._cancelled = cancelled
        self._root = path.rstrip("/")
        self._web = uri.startswith(("http://", "https://"))
        self._divisible: bool | None = None

    def whole(self) -> Iterator[Entry]:
        yield from self._below("")

    def _below(self, path: str) -> Iterator[Entry]:
        for entry in self.folder(path):
            yield entry
            if entry.path.endswith("/"):
                yield from self._below(entry.path)

    def folder(self, path: str) -> Iterator[Entry]:
        # HTTP tells a page of links from a file by the slash.
        place = f"{self._root}/{path}" if path or self._path.endswith("/") else self._root
        found = self._asked(lambda: self._filesystem.ls(place, detail=True), missing=[])
        entries = (self._entry(self._in_full(info), self._root) for info in found)
        yield from sorted(entry for entry in entries if entry.path.strip("/"))

    def single(self) -> Entry | None:
        info = self._asked(lambda: self._filesystem.info(self._path), missing=None)
        if info is None or info["type"] != "file" or self._path.endswith("/"):
            return None
        self._root = self._path.rpartition("/")[0]
        return self._entry(info, self._root)

    def beside(self) -> Iterator[str]:
        place = self._path.rstrip("/").rpartition("/")[0]
        found = self._asked(lambda: self._filesystem.ls(place, detail=False), missing=[])
        yield from (str(name).rstrip("/").rpartition("/")[2] for name in found)

    def divisible(self, entry: Entry) -> bool:
        """Some web servers know no ranges, and would send the whole for each piece."""
        if self._divisible is None:
            self._divisible = not self._web or self._knows_ranges(entry)
        return self._divisible

    def _knows_ranges(self, entry: Entry) -> bool:
        path = f"{self._root}/{entry.path}"
        try:
            with self._filesystem.open(path, size=entry.size, cache_type="none") as file:
                file.seek(1)
                return len(file.read(1)) == 1
        except Exception:  # noqa: BLE001 - what is wrong shows when the file is read
            return False

    def read(self, entry: Entry, start: int, end: int | None) -> Iterator[bytes]:
        path = f"{self._root}/{entry.path}"
        if end is None and not (entry.size is not None and entry.size <= AT_ONCE):
            yield from self._streamed(path, entry, start)
            return
        data = self._told(lambda: self._filesystem.cat_file(path, start or None, end), missing=None)
        if data is None:
            raise Changed(entry.path)
        yield data

    def _streamed(self, path: str, entry: Entry, start: int) -> Iterator[bytes]:
        """From the first byte on, for a server may know no ranges; what was read is passed over."""
        # Of a size that nobody knows, and without ranges, fsspec reads the web only as a stream.
        how = {"block_size": 0} if self._web else {}
        file = self._told(lambda: self._filesystem.open(path, "rb", **how), missing=None)
        if file is None:
            raise Changed(entry.path)
        with file:
            while block := self._told(lambda: file.read(BLOCK), missing=b""):
                if fresh := block[start:]:
                    yield fresh
                start = max(0, start - len(block))

    def crc64(self, entry: Entry) -> int | None:
        return None

    def close(self) -> None:
        """Fsspec keeps its file systems, and their connections, for the next who asks."""

    def _in_full(self, info: dict[str, Any]) -> dict[str, Any]:
        """A list of links says nothing of what they lead to."""
        if info["type"] == "directory" or info.get("size") is not None:
            return info
        return self._asked(lambda: self._filesystem.info(info["name"]), missing=info)

    def _entry(self, info: dict[str, Any], root: str) -> Entry:
        name = str(info["name"])
        path = name.removeprefix(root).lstrip("/")
        if info["type"] == "directory":
            return Entry(f"{path.rstrip('/')}/")
        tells = next((info[key] for key in VERSIONS if info.get(key)), "")
        return Entry(path, info.get("size"), str(tells))

    def _asked(self, call: Callable[[], T], missing: Any) -> T:
        told = lambda: self._told(call, missing)  # noqa: E731
        return patiently(f"listing {self.uri}", told, self._cancelled)

    def _told(self, call: Callable[[], T], missing: Any) -> T:
        """The result, ``missing`` where there is nothing, or what went wrong in our terms."""
        try:
            return call()
        except (FileNotFoundError, NotADirectoryError):
            return missing  # type: ignore[no-any-return]
        except PermissionError as error:
            raise InputError(f"{self.uri}: access is denied: {error}") from error
        except NotImplementedError as error:
            raise InputError(f"{self.uri} cannot be listed: {error}") from error
        except Exception as error:  # every file system has exceptions of its own
            raise Broken(in_words(self.uri, error)) from error
