"""A replica's log file, in the CRI line format."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from localdlc.record.events import Log
from localdlc.record.log_file import encode, read_lines

TIME = datetime(2026, 1, 1, tzinfo=UTC)
AT = b"2026-01-01T00:00:00.000000Z"


def block(data: bytes, *, stream: str = "stdout", partial: bool = False) -> bytes:
    return encode(Log("p", 1, "stderr" if stream == "stderr" else "stdout", data, partial), TIME)


def read(tmp_path: Path, content: bytes) -> list[tuple[str, bytes]]:
    file = tmp_path / "p.1.log"
    file.write_bytes(content)
    return [(stream, text) for _, stream, text in read_lines(file)]


@pytest.mark.parametrize(
    ("data", "partial", "records"),
    [
        (b"a\n", False, [b"F a"]),
        (b"\n", False, [b"F "]),
        (b"\n\n", False, [b"F ", b"F "]),
        (b"a\nb\n", False, [b"F a", b"F b"]),
        (b" a  b \n", False, [b"F  a  b "]),
        (b"10%\r", True, [b"P 10%\r"]),
        (b"a\n10%\r", True, [b"F a", b"P 10%\r"]),
        (b"\xff\x00\n", False, [b"F \xff\x00"]),
    ],
)
def test_a_line_is_time_stream_tag_and_text(
    data: bytes, partial: bool, records: list[bytes]
) -> None:
    expected = b"".join(AT + b" stdout " + record + b"\n" for record in records)
    assert block(data, partial=partial) == expected


def test_pieces_are_joined_stream_by_stream(tmp_path: Path) -> None:
    content = (
        block(b"out 1 ", partial=True)
        + block(b"err\n", stream="stderr")
        + block(b"err 2 ", stream="stderr", partial=True)
        + block(b"out 2\n")
    )
    assert read(tmp_path, content) == [
        ("stderr", b"err"),
        ("stdout", b"out 1 out 2"),
        ("stderr", b"err 2 "),
    ]


def test_a_line_keeps_the_time_of_its_end(tmp_path: Path) -> None:
    file = tmp_path / "p.1.log"
    later = encode(Log("p", 1, "stdout", b"b\n"), TIME.replace(second=9))
    file.write_bytes(block(b"a", partial=True) + later)
    assert [time for time, _, _ in read_lines(file)] == ["2026-01-01T00:00:09.000000Z"]


@pytest.mark.parametrize("torn", [b"2", AT, AT + b" stdo", AT + b" stdout F"])
def test_a_record_that_was_being_written_when_the_power_went_is_left_out(
    tmp_path: Path, torn: bytes
) -> None:
    assert read(tmp_path, block(b"a\n") + torn) == [("stdout", b"a")]


def test_the_beginning_of_a_line_that_was_being_written_is_shown(tmp_path: Path) -> None:
    assert read(tmp_path, block(b"a\n") + AT + b" stdout F half") == [
        ("stdout", b"a"),
        ("stdout", b"half"),
    ]


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    assert read(tmp_path, b"") == []
