"""A stream may take only a part of what it is given; the rest is not lost."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from alone import Cli
from given import JOB_ID, request

import localdlc
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.terminal.outlet import put


class Sip(io.BytesIO):
    """Takes three bytes at a time, as a full pipe behind a raw file may."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data[:3])


def test_what_a_raw_stream_does_not_take_at_once_follows() -> None:
    stream = Sip()
    put(stream, b"one line and another\n")
    assert stream.getvalue() == b"one line and another\n"


def says_a_line(replica: FakeReplica) -> int:
    replica.write(b"one line and another\n")
    return 0


@pytest.mark.parametrize("kind", ["text", "json"])
def test_logs_lose_nothing_either(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    home = tmp_path / "home"
    localdlc.run(request({"Worker": 1}), engine=FakeEngine(says_a_line), home=home, job_id=JOB_ID)
    stream = Sip()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream))
    cli("logs", "last", "-o", kind)
    assert b"one line and another" in stream.getvalue()
    assert stream.getvalue().endswith(b"\n")
