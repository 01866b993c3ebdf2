"""The output of a container, as the Engine API multiplexes it: attached, or from its log."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any

from localdlc.run.engine import Stream

__all__ = ["DockerAttachment", "DockerLog", "split_frames"]

READ_SIZE = 1 << 18
# Who reads as fast as a replica writes gets a line or two at a time, and spends on each read what a
# thousand lines cost: the engine and the replica starve beside it. With a short rest after a small
# read 300,000 lines came at 250,000 a second instead of 175,000 (medians; two cores for all).
SMALL = 1 << 15
REST = 0.005
# So long may a message of the engine's log be; a longer line is several.
MESSAGE = 1 << 14
STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


class DockerAttachment:
    """The multiplexed stream of an attached container, many frames to a read.

    A frame is one byte of stream number, three of padding, four of length, then the payload.
    docker-py's own readers hand over one frame a call, which is several times slower.
    """

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        pending = b""
        while block := self._read():
            frames, pending = split_frames(pending + block if pending else block)
            yield from frames
            if len(block) < SMALL:
                time.sleep(REST)

    def _read(self) -> bytes:
        try:
            return bytes(self._socket.read(READ_SIZE))
        except (OSError, ValueError):  # closed under us by close(), or the engine is gone
            return b""

    def close(self) -> None:
        # docker-py hangs the response on its socket; only that closes the connection itself.
        getattr(self._socket, "_response", self._socket).close()


def split_frames(data: bytes) -> tuple[list[tuple[Stream, bytes]], bytes]:
    """Whole frames of ``data``, neighbours of one stream joined, and the rest that is not whole."""
    frames: list[tuple[Stream, bytes]] = []
    run: list[bytes] = []
    current = 0
    offset, end = 0, len(data)
    while offset + 8 <= end:
        number, size = struct.unpack_from(">BxxxL", data, offset)
        if offset + 8 + size > end:
            break
        if number != current and run:
            frames.append((STREAMS.get(current, "stdout"), b"".join(run)))
            run = []
        current = number
        run.append(data[offset + 8 : offset + 8 + size])
        offset += 8 + size
    if run:
        frames.append((STREAMS.get(current, "stdout"), b"".join(run)))
    return frames, data[offset:]


class DockerLog:
    """What the engine keeps of a container's output, from its first byte on.

    ``mended``: engines before 23.0 forget the newline of a line that is longer than a message.
    """

    def __init__(self, response: Any, *, mended: bool) -> None:
        self._response = response
        self._mended = mended

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        frames = self._frames()
        yield from mended(frames) if self._mended else frames

    def _frames(self) -> Iterator[tuple[Stream, bytes]]:
        """One message each."""
        pending = b""
        for block in self._blocks():
            pending += block
            offset = 0
            while len(pending) >= offset + 8:
                number, size = struct.unpack_from(">BxxxL", pending, offset)
                if len(pending) < offset + 8 + size:
                    break
                yield STREAMS.get(number, "stdout"), pending[offset + 8 : offset + 8 + size]
                offset += 8 + size
            pending = pending[offset:]

    def _blocks(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_content(None)
        except (OSError, ValueError, AttributeError):  # as in DockerAttachment
            return

    def close(self) -> None:
        self._response.close()


def mended(frames: Iterator[tuple[Stream, bytes]]) -> Iterator[tuple[Stream, bytes]]:
    """With the newlines of long lines: their last message is shorter and has none.

    That of a line that fills its messages is missing as a whole, so the next line shows its end.
    """
    within: dict[Stream, bool] = {}
    for stream, message in frames:
        whole = message.endswith(b"\n")
        if len(message) == MESSAGE and not whole:
            within[stream] = True
            yield stream, message
        elif within.pop(stream, False):
            yield stream, b"\n" + message if whole else message + b"\n"
        else:
            yield stream, message
