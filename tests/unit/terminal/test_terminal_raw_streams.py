"""A stream may take only a part of what it is given; the rest is not lost."""

from __future__ import annotations

import io

from localdlc.terminal.printers import put


class Sip(io.BytesIO):
    """Takes three bytes at a time, as a full pipe behind a raw file may."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data[:3])


def test_what_a_raw_stream_does_not_take_at_once_follows() -> None:
    stream = Sip()
    put(stream, b"one line and another\n")
    assert stream.getvalue() == b"one line and another\n"
