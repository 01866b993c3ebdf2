"""Secrets that arrive in pieces are masked, and not a byte of anything else is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from localdlc.record.events import Event, Log, ReplicaExited, ReplicaLost
from localdlc.record.masking import Mask
from localdlc.record.streams import Streams

SECRET = "s3cret-token"


def piece(data: bytes, pod: str = "p", *, stream: str = "stdout", partial: bool = True) -> Log:
    return Log(pod, 1, "stderr" if stream == "stderr" else "stdout", data, partial=partial)


def said(*events: Event) -> list[bytes]:
    streams = Streams(Mask([SECRET]))
    passed = [out for event in events for out in streams(event)]
    return [event.data for event in passed if isinstance(event, Log)]


END = ReplicaExited("p", 1, 0, False, None, False, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_secret_in_two_pieces_is_masked_wherever_it_is_cut(cut: int) -> None:
    data = SECRET.encode()
    out = said(piece(b"\r50% " + data[:cut]), piece(data[cut:] + b" on\n", partial=False), END)
    assert b"".join(out) == b"\r50% *** on\n"


def test_what_only_looks_like_a_beginning_comes_with_the_next_piece_or_the_end() -> None:
    assert said(piece(b"a s3c"), piece(b"ond\n", partial=False)) == [b"a ", b"s3cond\n"]
    assert said(piece(b"a s3c"), END) == [b"a ", b"s3c"]
    assert said(piece(b"a s3c"), ReplicaLost("p", 1, "gone")) == [b"a ", b"s3c"]


def test_streams_and_replicas_do_not_mix() -> None:
    out = said(
        piece(b"s3cret"),
        piece(b"-token\n", stream="stderr", partial=False),
        piece(b"-token\n", "q", partial=False),
        END,
    )
    assert out == [b"-token\n", b"-token\n", b"s3cret"]


def test_whole_lines_are_kept_back_from_nobody() -> None:
    assert said(piece(b"x s3cret-\n", partial=False)) == [b"x s3cret-\n"]
