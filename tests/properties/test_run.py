"""What holds of an engine's output, however it is cut."""

from __future__ import annotations

import struct
from itertools import pairwise

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.run.frames import split_frames

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=8)


@tried(70)
@given(FRAMES, st.lists(st.integers(0, 200), max_size=6))
def test_frames_come_out_whole_however_the_stream_was_cut(
    frames: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(struct.pack(">BxxxL", n, len(p)) + p for n, p in frames)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pending, out = b"", []
    for start, end in pairwise(places):
        found, pending = split_frames(pending + data[start:end])
        out += found
    assert pending == b""
    for number, name in ((1, "stdout"), (2, "stderr")):
        assert b"".join(p for s, p in out if s == name) == b"".join(
            p for n, p in frames if n == number
        )
