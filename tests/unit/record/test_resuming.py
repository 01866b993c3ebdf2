"""A log file whose writer was killed: whole lines are counted, what is not whole goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localdlc.record.events import Log
from localdlc.record.log_file import encode, read_lines
from localdlc.record.masking import Mask
from localdlc.record.resuming import mended

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Stream = Literal["stdout", "stderr"]


def log(stream: Stream, data: bytes) -> bytes:
    return encode(Log("dlc1-master-0", 1, stream, data, partial=not data.endswith(b"\n")), NOW)


def lines(path: Path) -> list[tuple[str, bytes]]:
    return [(stream, text) for _, stream, text in read_lines(path)]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert mended(tmp_path / "none.log") == {}


def test_whole_lines_of_each_stream_are_counted_and_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(log("stdout", b"a\n\nb\n") + log("stderr", b"c\n"))
    before = path.read_bytes()
    assert mended(path) == {"stdout": 3, "stderr": 1}
    assert path.read_bytes() == before


def test_a_line_that_has_begun_is_taken_out_from_between_those_of_the_other_stream(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(
        log("stdout", b"a\n10%\r")
        + log("stderr", b"x\n")
        + log("stdout", b"20%\r")
        + log("stderr", b"y\n")
    )
    assert mended(path) == {"stdout": 1, "stderr": 2}
    assert lines(path) == [("stdout", b"a"), ("stderr", b"x"), ("stderr", b"y")]
    assert mended(path) == {"stdout": 1, "stderr": 2}


def test_a_line_in_pieces_that_has_ended_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(log("stdout", b"10%\r") + log("stdout", b"20%\nnext\n"))
    assert mended(path) == {"stdout": 2}
    assert lines(path) == [("stdout", b"10%\r20%"), ("stdout", b"next")]


blocks = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.lists(st.sampled_from([b"a", b"\n", b"bb", b" ", b"\r"]), min_size=1).map(b"".join),
    ),
    min_size=1,
)


@given(blocks, st.data())
def test_wherever_its_writer_was_killed_the_rest_makes_it_whole(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[tuple[Stream, bytes]],
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("logs") / "a.log"
    whole = b"".join(log(*block) for block in written)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    known = mended(path)
    for stream in ("stdout", "stderr"):
        output = b"".join(block for name, block in written if name == stream)
        rest = b"\n".join(output.split(b"\n")[known[stream] :])
        if rest:
            with path.open("ab") as file:
                file.write(log(stream, rest))
        stored = [text for name, text in lines(path) if name == stream]
        assert stored == output.removesuffix(b"\n").split(b"\n")[: len(stored)]
        assert len(stored) == output.count(b"\n") + (bool(output) and not output.endswith(b"\n"))


def test_masking_leaves_as_many_lines_as_there_were() -> None:
    mask = Mask(["first-line\nsecond-line\nab"])
    assert mask.data(b"x first-line\nsecond-line\nab y\n") == b"x ***\n***\n*** y\n"
