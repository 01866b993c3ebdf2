"""What goes into an archive for a ticket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localdlc.doctor import Check
from localdlc.errors import EngineUnavailable
from localdlc.service import bundle


def test_of_a_long_log_the_end_and_a_word_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LONGEST", 25)
    log = tmp_path / "log"
    log.write_text("first line\nsecond line\nthird line\n")
    assert bundle.end_of(log) == b"(the first 9 bytes are left out)\nsecond line\nthird line\n"
    log.write_text("short\n")
    assert bundle.end_of(log) == b"short\n"


def test_no_container_is_started_for_what_the_doctor_says() -> None:
    def checks() -> Iterator[Check]:
        yield Check("memory", "ok", "enough")
        yield Check("image", "ok", "it is there")
        pytest.fail("a container would have been started")

    told = json.loads(bundle.health(checks()))
    assert [check["name"] for check in told] == ["memory"]


def test_a_doctor_that_fails_keeps_no_job_from_its_archive() -> None:
    def checks() -> Iterator[Check]:
        raise EngineUnavailable("gone")
        yield

    assert bundle.health(checks()) == "[]"


def test_versions_are_those_of_this_python() -> None:
    told = json.loads(bundle.versions())
    assert told["localdlc"] == told["packages"]["localdlc"]
    assert told["packages"]["click"]
