"""Events as JSON: the members of the contract, there and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from localdlc.record import events
from localdlc.record.events import EVENT_TYPES, Event, Log, Record, body, decoded, lines
from localdlc.record.times import moment as read
from localdlc.record.times import stamp

TIME = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC)
BEIJING = timezone(timedelta(hours=8))
POD = "dlc1-worker-0"

# One of each: its members are the contract's.
SAMPLES: list[tuple[Event, dict[str, Any]]] = [
    (
        events.JobCreated("job", "TFJob", 3),
        {"display_name": "job", "job_type": "TFJob", "replicas": 3},
    ),
    (
        events.FidelityReport(("JobType",), (), ("Priority: why",)),
        {"honoured": ["JobType"], "approximated": [], "ignored": ["Priority: why"]},
    ),
    (
        events.FaultInjected("dlc1-worker-0", 1, "worker-0:kill", "is killed"),
        {
            "pod_id": "dlc1-worker-0",
            "attempt": 1,
            "fault": "worker-0:kill",
            "what": "is killed",
        },
    ),
    (events.JobQueued("no room"), {"reason": "no room"}),
    (
        events.StatusChanged("Creating", "Failed", "Code", "words"),
        {"from": "Creating", "to": "Failed", "reason_code": "Code", "reason_message": "words"},
    ),
    (
        events.InputStaged("data", "oss://b/", None, 2, 0.5, True, "there", "1%", part=True),
        {
            "kind": "data",
            "uri": "oss://b/",
            "bytes": None,
            "files": 2,
            "seconds": 0.5,
            "cached": True,
            "detail": "there",
            "sample": "1%",
            "part": True,
        },
    ),
    (
        events.ImageReady("i:1", "sha256:1", 1.5, True),
        {"image": "i:1", "image_id": "sha256:1", "seconds": 1.5, "pulled": True},
    ),
    (
        events.ReplicaStarted(POD, "uid", 1, "c1", "10.0.0.2", 0.1, 0.2),
        {
            "pod_id": POD,
            "pod_uid": "uid",
            "attempt": 1,
            "container_id": "c1",
            "ip": "10.0.0.2",
            "create_seconds": 0.1,
            "start_seconds": 0.2,
        },
    ),
    (
        Log(POD, 1, "stderr", b"a line\n"),
        {"pod_id": POD, "attempt": 1, "stream": "stderr", "text": "a line"},
    ),
    (
        events.ReplicaExited(POD, 1, 137, True, "SIGKILL", False, TIME),
        {
            "pod_id": POD,
            "attempt": 1,
            "exit_code": 137,
            "oom": True,
            "signal": "SIGKILL",
            "stopped_by_us": False,
            "finished_at": "2026-11-22T06:00:00.123456Z",
        },
    ),
    (events.ReplicaLost(POD, 2, "gone"), {"pod_id": POD, "attempt": 2, "reason": "gone"}),
    (
        events.ReplicaRestarted(POD, 2, "137", 1),
        {"pod_id": POD, "attempt": 2, "reason": "137", "restart": 1},
    ),
    (
        events.ReplicaUsed(POD, 1, 4.0, 0.5, 1.0, 2.0, 8.0, 3, 5, 7, 9, 1, 2, 3, 4, 0),
        {
            "pod_id": POD,
            "attempt": 1,
            "seconds": 4.0,
            "cpus_mean": 0.5,
            "cpus_peak": 1.0,
            "cpus_limit": 2.0,
            "cpus_asked": 8.0,
            "memory_mean": 3,
            "memory_peak": 5,
            "memory_limit": 7,
            "memory_asked": 9,
            "network_in": 1,
            "network_out": 2,
            "disk_read": 3,
            "disk_written": 4,
            "oom_kills": 0,
            "gpu_mean": None,
            "gpu_memory_peak": None,
            "gpu_memory": None,
        },
    ),
    (events.StopRequested("SIGINT"), {"by": "SIGINT"}),
    (events.Note("by the way"), {"text": "by the way"}),
    (events.Progress("i:1", "50%"), {"subject": "i:1", "text": "50%"}),
    (events.ContainersKept(("a", "b")), {"names": ["a", "b"]}),
    (
        events.JobFinished("Failed", "JobFailed", "words", POD, 1.5),
        {
            "status": "Failed",
            "reason_code": "JobFailed",
            "reason_message": "words",
            "deciding_replica": POD,
            "duration_seconds": 1.5,
        },
    ),
]
BY_NAME = [pytest.param(event, members, id=event.type) for event, members in SAMPLES]


def test_every_kind_of_event_has_a_sample_here() -> None:
    assert {event.type for event, _ in SAMPLES} == EVENT_TYPES.keys()


@pytest.mark.parametrize(("event", "members"), BY_NAME)
def test_an_event_has_the_members_of_the_contract(event: Event, members: dict[str, Any]) -> None:
    head = {"v": 1, "time": "2026-11-22T06:00:00.123456Z", "seq": 7, "job_id": "dlc1"}
    (line,) = lines(Record(7, TIME, "dlc1", event))
    assert json.loads(line) == {**head, "type": event.type, **members}


@pytest.mark.parametrize(("event", "members"), [p for p in BY_NAME if p.id != "Log"])
def test_an_event_comes_back_as_it_went(event: Event, members: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(body(event)))
    record = Record(7, TIME, "dlc1", event)
    assert decoded(7, stamp(TIME), "dlc1", event.type, stored) == record
    assert decoded(7, stamp(TIME), "dlc1", event.type, {**stored, "newer": 1}) == record


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (
            datetime(2026, 1, 2, 8, tzinfo=timezone(timedelta(hours=8))),
            "2026-01-02T00:00:00.000000Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_a_time_is_utc_to_the_microsecond_and_comes_back(moment: datetime, text: str) -> None:
    assert stamp(moment) == text
    assert read(text) == moment


# logs


def texts(data: bytes, *, partial: bool = False) -> list[tuple[int, str, bool]]:
    record = Record(5, TIME, "dlc1", Log(POD, 1, "stdout", data, partial))
    return [(o["seq"], o["text"], o.get("partial", False)) for o in record.to_json()]


def test_a_block_of_lines_is_a_record_a_line_with_a_number_each() -> None:
    assert texts(b"a\n\nb \n") == [(5, "a", False), (6, "", False), (7, "b ", False)]


def test_only_the_last_piece_of_a_block_is_partial() -> None:
    assert texts(b"a\n 10%\r", partial=True) == [(5, "a", False), (6, " 10%\r", True)]


def test_bytes_that_are_not_utf_8_stay_visible() -> None:
    assert texts(b"\xff\xc3\xa9 \xc3\n") == [(5, "\\xff\u00e9 \\xc3", False)]


@pytest.mark.parametrize(
    ("data", "partial", "count"),
    [
        (b"a\n", False, 1),
        (b"a\nb\n", False, 2),
        (b"\n", False, 1),
        (b"a", True, 1),
        (b"a\nb", True, 2),
    ],
)
def test_a_log_counts_as_many_records_as_it_shows(data: bytes, partial: bool, count: int) -> None:
    assert Log(POD, 1, "stdout", data, partial).count == count == len(texts(data, partial=partial))


def test_a_record_is_one_line_even_with_a_newline_inside() -> None:
    (line,) = lines(Record(1, TIME, "dlc1", events.Note("a\nb\u2028c")))
    assert "\n" not in line
    assert json.loads(line)["text"] == "a\nb\u2028c"
