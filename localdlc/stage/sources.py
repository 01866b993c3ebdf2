"""Where data is fetched from, behind one small protocol, and what can go wrong with any of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from localdlc.errors import InputError

if TYPE_CHECKING:
    from threading import Event

    from localdlc.config import Config

__all__ = [
    "PAUSES",
    "Broken",
    "Cancelled",
    "Changed",
    "Entry",
    "Source",
    "given_up",
    "open_source",
    "patiently",
]

T = TypeVar("T")

# A try that fails is followed by another after so many seconds; the last one's failure counts.
PAUSES = (0.1, 0.3, 1.0, 3.0)


class Entry(NamedTuple):
    """One object: its path below the source, and its size in bytes (None is not known).

    A path that ends in ``/`` is a folder. ``version`` is what changes with the content: an ETag, a
    time ("" where nothing tells).
    """

    path: str
    size: int | None = 0
    version: str = ""


class Broken(Exception):
    """A request failed in a way that may not happen again: a reset, a 500, a body cut short."""


class Changed(Exception):
    """An object is no longer what the listing said. ``path`` is where it is below the source."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Cancelled(Exception):
    """Nobody wants the result any more."""


class Source(Protocol):
    """A place with data. Any thread may call.

    Every method may raise `InputError` for what trying again does not mend, or did not. Listings
    are streamed, and always in the same order.
    """

    uri: str
    file_first: bool
    """Whether to ask for `single` before a listing: a page of HTTP's may be a large file."""

    def whole(self) -> Iterator[Entry]:
        """Everything below, folders' own entries included."""

    def folder(self, path: str) -> Iterator[Entry]:
        """What is directly in a folder ("" or ``a/b/``)."""

    def single(self) -> Entry | None:
        """The source as one object, if it is one."""

    def beside(self) -> Iterator[str]:
        """The names of what is in the same folder as the source."""

    def divisible(self, entry: Entry) -> bool:
        """Whether a large object can be read in pieces; if not, only as a whole."""

    def read(self, entry: Entry, start: int, end: int | None) -> Iterator[bytes]:
        """Bytes from ``start`` up to ``end`` (None: the end); may raise `Broken` and `Changed`."""

    def crc64(self, entry: Entry) -> int | None:
        """The store's own CRC-64 of an object that has been read, if it gives one."""

    def close(self) -> None:
        """Ends all connections."""


def open_source(
    uri: str, config: Config, cancelled: Event, environment: Mapping[str, str] = os.environ
) -> Source:
    """The source at a Uri. Raises `InputError` for a scheme that nobody here knows."""
    if uri.startswith("oss://"):
        from localdlc.stage.oss import open_oss

        return open_oss(uri, config, environment, cancelled)
    from localdlc.stage.filesystem import open_filesystem

    return open_filesystem(uri, cancelled)


def patiently(what: str, call: Callable[[], T], cancelled: Event) -> T:
    """The result of ``call``, which is tried again while it is `Broken`, a few times."""
    for pause in PAUSES:
        try:
            return call()
        except Broken:
            if cancelled.wait(pause):
                raise Cancelled from None
    try:
        return call()
    except Broken as error:
        raise given_up(what, error) from error


def given_up(what: str, error: Broken) -> InputError:
    return InputError(f"{what}: {error}, {len(PAUSES) + 1} times in a row. Try again later.")
