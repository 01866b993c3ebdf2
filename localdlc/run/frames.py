"""The output of an attached container, as the Engine API multiplexes it."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any

from localdlc.run.engine import Stream

__all__ = ["DockerAttachment", "split_frames"]

READ_SIZE = 1 << 18
# Who reads as fast as a replica writes gets a line or two at a time, and spends on each read what a
# thousand lines cost: the engine and the replica starve beside it. With a short rest after a small
# read 300,000 lines came at 250,000 a second instead of 175,000 (medians; two cores for all).
SMALL = 1 << 15
REST = 0.005
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
