"""What a replica wrote is what is read back, however it was cut on the way."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.record.events import Log
from localdlc.record.log_file import encode, join
from localdlc.record.masking import MASK, Mask
from localdlc.run.engine import Stream
from localdlc.run.lines import Lines, Piece
from localdlc.terminal.views import log_line

TIME = datetime(2026, 1, 1, tzinfo=UTC)
STREAMS: st.SearchStrategy[Stream] = st.sampled_from(["stdout", "stderr"])
OUTPUT = st.lists(
    st.sampled_from([b"a", b"\n", b"\r", b" ", b"F ", b"\xff", b"\xe4\xbd", b"\xa0"])
    | st.binary(max_size=6),
    max_size=12,
).map(b"".join)
BLOCKS = st.lists(st.tuples(STREAMS, OUTPUT.filter(bool)), max_size=12)


def pieces(blocks: list[tuple[Stream, bytes]]) -> list[Piece]:
    lines = Lines()
    fed = [piece for stream, block in blocks for piece in lines.feed(stream, block)]
    return [*fed, *lines.rest()]


def written(blocks: list[tuple[Stream, bytes]], stream: Stream) -> bytes:
    return b"".join(block for name, block in blocks if name == stream)


@tried(70)
@given(BLOCKS)
def test_lines_of_both_streams_come_back_from_the_log_file(
    blocks: list[tuple[Stream, bytes]],
) -> None:
    file = b"".join(encode(Log("p", 1, *piece), TIME) for piece in pieces(blocks))
    back = list(join(io.BytesIO(file)))
    for stream in ("stdout", "stderr"):
        *lines, rest = written(blocks, stream).split(b"\n")
        assert [text for _, name, text in back if name == stream] == [*lines, *filter(bool, [rest])]


@tried(50)
@given(BLOCKS)
def test_cutting_into_lines_loses_and_adds_nothing(blocks: list[tuple[Stream, bytes]]) -> None:
    cut = pieces(blocks)
    for stream in ("stdout", "stderr"):
        assert b"".join(p.data for p in cut if p.stream == stream) == written(blocks, stream)
    assert all(piece.partial is not piece.data.endswith(b"\n") for piece in cut)


@tried(50)
@given(st.lists(st.sampled_from([b"ab", b"\r", b"c"]), max_size=14).map(b"".join))
def test_a_line_shows_what_a_terminal_would_have_left_of_it(line: bytes) -> None:
    assert log_line("p", 1, line, prefixed=False) == line.rstrip(b"\r").split(b"\r")[-1] + b"\n"


SECRET = st.text("abcdef-", min_size=6, max_size=9)


@tried(50)
@given(st.lists(SECRET, min_size=1, max_size=4), st.lists(SECRET | st.text("xyz "), max_size=6))
def test_no_secret_survives_in_text_or_bytes(secrets: list[str], words: list[str]) -> None:
    text = " ".join([*words, *secrets])
    mask = Mask(secrets)
    assert not [secret for secret in secrets if secret in mask.text(text)]
    assert mask.data(text.encode()) == mask.text(text).encode()
    assert MASK in mask.text(text)
