"""An image that is not there: what was tried, what looks alike, and a job that shows it."""

from __future__ import annotations

import json

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

NOWHERE = "127.0.0.1:1/none/such:1"


def test_a_missing_image_is_told_in_the_engines_own_words(localdlc: CommandLine) -> None:
    done = localdlc.run(job("true", image=NOWHERE))
    assert done.code == 3
    assert f"cannot pull the image {NOWHERE}" in done.err
    assert "connection refused" in done.err
    assert f"--image-map {NOWHERE}=LOCAL-IMAGE" in done.err
    assert " Failed " in localdlc("list").text


def test_names_that_look_alike_are_offered(localdlc: CommandLine) -> None:
    done = localdlc.run(job("true", image="localdlc/bsae:latest"), "--pull", "never")
    assert done.code == 3
    assert "localdlc/base:latest" in done.err


def test_pull_never_and_offline_do_not_ask_any_registry(localdlc: CommandLine) -> None:
    for flag in (["--pull", "never"], ["--offline"]):
        done = localdlc.run(job("true", image=NOWHERE), *flag)
        assert done.code == 3
        assert f"the image {NOWHERE} is not on this machine" in done.err
        assert "pulling" not in done.err


def test_the_last_line_of_the_event_stream_is_the_error(localdlc: CommandLine) -> None:
    done = localdlc.run(job("true", image=NOWHERE), "--pull", "never", "-o", "json")
    error = done.events[-1]
    assert (done.code, error["type"], error["code"]) == (3, "error", "ServiceUnavailable")
    assert done.of("JobFinished")[0]["status"] == "Failed"
    assert json.loads(localdlc("show", "last", "-o", "json").out)["Status"] == "Failed"


def test_an_image_that_is_there_is_not_pulled(localdlc: CommandLine) -> None:
    ready = localdlc.run(job("true"), "-o", "json").of("ImageReady")
    assert [event["pulled"] for event in ready] == [False]
