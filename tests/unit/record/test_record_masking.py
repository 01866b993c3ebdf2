"""Secrets by value: out of texts, logs and documents, and our own words untouched."""

from __future__ import annotations

import dataclasses

import pytest

from localdlc.errors import InputError, Problem
from localdlc.record import events
from localdlc.record.events import Event, Log
from localdlc.record.masking import Mask, without_logins

MASK = Mask(["s3cret-token", "s3cret", "short", ""])


def test_the_longest_secret_goes_first() -> None:
    assert MASK.text("s3cret-token s3cret xs3cret") == "*** *** x***"


def test_a_short_value_is_left_alone() -> None:
    assert MASK.text("a short word, true, 1") == "a short word, true, 1"


def test_lists_objects_and_numbers_are_masked_throughout() -> None:
    value = {"a": ["s3cret", {"b": ("is s3cret", 3)}], "c": None, "d": True}
    assert MASK.value(value) == {"a": ["***", {"b": ("is ***", 3)}], "c": None, "d": True}


def test_a_log_is_masked_whatever_bytes_surround_it() -> None:
    log = Log("p", 1, "stdout", b"\xffs3cret\ns3cret-token\n", partial=False)
    assert MASK.event(log) == dataclasses.replace(log, data=b"\xff***\n***\n")


def test_a_secret_is_known_in_a_url_and_in_json() -> None:
    mask = Mask(['a/b+c"d='])
    assert mask.text('a/b+c"d= a%2Fb%2Bc%22d%3D a/b%2Bc%22d%3D a/b+c\\"d=') == "*** *** *** ***"


def test_a_secret_that_is_learnt_later_is_masked_from_then_on() -> None:
    mask = Mask(["first-one"])
    mask.learn(["second-one"])
    assert mask.text("first-one second-one") == "*** ***"


def test_an_error_is_masked_with_all_that_it_came_from() -> None:
    error = InputError("s3cret", (Problem("at.s3cret", "Code", "is s3cret"),))
    error.__cause__ = OSError(5, "s3cret")
    MASK.exception(error)
    assert str(error) == "***"
    assert error.problems == (Problem("at.***", "Code", "is ***"),)
    assert str(error.__cause__) == "[Errno 5] ***"


def test_addresses_lose_their_logins_and_signatures() -> None:
    text = "https://u:p@h/x?OSSAccessKeyId=a&Expires=1&Signature=b%3D&security-token=c failed"
    told = "https://***@h/x?OSSAccessKeyId=***&Expires=1&Signature=***&security-token=*** failed"
    assert without_logins(text) == told


def test_a_secret_of_several_lines_stays_as_many_and_the_last_newline_ends_a_line() -> None:
    assert Mask(["-----BEGIN\nabc\n"]).data(b"x -----BEGIN\nabc\ny\n") == b"x ***\n***\ny\n"


@pytest.mark.parametrize(
    ("event", "masked"),
    [
        (events.Note("s3cret"), events.Note("***")),
        (events.Progress("s3cret", "s3cret"), events.Progress("***", "***")),
        (
            events.InputStaged("code", "https://s3cret@h", None, None, 0.0, False, "s3cret"),
            events.InputStaged("code", "https://***@h", None, None, 0.0, False, "***"),
        ),
        (events.ReplicaLost("p", 1, "by s3cret"), events.ReplicaLost("p", 1, "by ***")),
        (
            events.JobFinished("Failed", "E", "s3cret", None, 0.5),
            events.JobFinished("Failed", "E", "***", None, 0.5),
        ),
    ],
)
def test_every_text_of_an_event_is_masked(event: Event, masked: Event) -> None:
    assert MASK.event(event) == masked


def test_a_secret_that_is_one_of_our_words_changes_no_status_and_no_name() -> None:
    mask = Mask(["worker", "Running", "master"])
    moved = events.StatusChanged("EnvPreparing", "Running", "JobRunning", "is Running")
    assert mask.event(moved) == dataclasses.replace(moved, reason_message="is ***")
    started = events.ReplicaStarted("dlc1-worker-0", "uid", 1, "c", "10.0.0.2")
    assert mask.event(started) == started
    assert mask.event(Log("dlc1-master-0", 1, "stdout", b"master\n")) == Log(
        "dlc1-master-0", 1, "stdout", b"***\n"
    )


def test_without_secrets_an_event_is_handed_on_as_it_is() -> None:
    event = events.Note("a")
    assert Mask([]).event(event) is event
