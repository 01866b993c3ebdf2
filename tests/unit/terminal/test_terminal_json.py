"""``run -o json``: one object a line, whatever replicas write."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

from localdlc.record import events
from localdlc.record.events import Event, Log, Record
from localdlc.record.view import JobView
from localdlc.terminal.printers import JsonPrinter

TIME = datetime(2026, 11, 22, 6, tzinfo=UTC)


def printed(*happened: Event) -> list[str]:
    out = io.BytesIO()
    printer = JsonPrinter(out)
    for seq, event in enumerate(happened):
        printer(Record(seq, TIME, "dlc1", event), JobView())
    return out.getvalue().decode().split("\n")


def test_every_line_is_an_object_with_its_place_in_the_job() -> None:
    *lines, last = printed(
        events.Progress("i", "1%"),
        Log("dlc1-ps-0", 1, "stderr", b'a "b"\n\xff\n \xe2\x80\xa8\n'),
        events.StatusChanged("Creating", "Running"),
    )
    bodies = [json.loads(line) for line in lines]
    assert last == ""
    assert [body["type"] for body in bodies] == ["Progress", "Log", "Log", "Log", "StatusChanged"]
    assert [body["text"] for body in bodies[1:4]] == ['a "b"', "\\xff", " \u2028"]
    assert {tuple(body)[:4] for body in bodies} == {("v", "time", "seq", "job_id")}
    assert {body["time"] for body in bodies} == {"2026-11-22T06:00:00.000000Z"}


def test_a_piece_of_a_line_says_so() -> None:
    body = json.loads(printed(Log("p", 1, "stdout", b"50%\r", partial=True))[0])
    assert (body["text"], body["partial"]) == ("50%\r", True)


def test_a_line_of_a_megabyte_is_one_object() -> None:
    body = json.loads(printed(Log("p", 1, "stdout", b"x" * (1 << 20) + b"\n"))[0])
    assert len(body["text"]) == 1 << 20
    assert "partial" not in body
