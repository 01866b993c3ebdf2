"""Where the time of a job went."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from localdlc.record.events import (
    Event,
    FaultInjected,
    ImageReady,
    InputStaged,
    JobCreated,
    JobFinished,
    Record,
    ReplicaExited,
    ReplicaRestarted,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)
from localdlc.record.timeline import Phase, phases, trace
from localdlc.record.view import fold
from localdlc.terminal.timeline import timeline_text

JOB = "dlc0000000000001"
MASTER, WORKER = f"{JOB}-master-0", f"{JOB}-worker-0"
START = datetime(2026, 11, 22, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def story(*told: tuple[float, Event]) -> list[Record]:
    return [Record(n, at(second), JOB, event) for n, (second, event) in enumerate(told)]


def exited(pod: str, code: int, second: float, attempt: int = 1) -> tuple[float, Event]:
    """An end that is heard of half a second late."""
    end = ReplicaExited(pod, attempt, code, False, None, False, at(second))
    return second + 0.5, end


BEGUN: tuple[tuple[float, Event], ...] = (
    (0, JobCreated("job", "PyTorchJob", 2)),
    (0, StatusChanged("", "Creating")),
    (1, StatusChanged("Creating", "Queuing")),
    (4, StatusChanged("Queuing", "EnvPreparing")),
    (6, InputStaged("data", "oss://b/p/", 1, 1, 2.0, False)),
    (7, InputStaged("libs", "requirements", 1, 1, 1.0, False)),
    (7, ImageReady("there:1", "i", 0.0, False)),
    (9, ImageReady("pulled:1", "i", 4.5, True)),
    (10, ReplicaStarted(MASTER, "u1", 1, "c1", "ip", 0.25, 0.5)),
    (10, StatusChanged("EnvPreparing", "Running")),
    (12, ReplicaStarted(WORKER, "u2", 1, "c2", "ip", 0.25, 0.5)),
)


def short(found: list[Phase]) -> list[tuple[str, str, float, float]]:
    return [
        (
            phase.name,
            phase.subject.removeprefix(f"{JOB}-"),
            (phase.start - START).total_seconds(),
            phase.seconds,
        )
        for phase in found
    ]


def told(records: list[Record], now: float = 100) -> list[tuple[str, str, float, float]]:
    return short(phases(records, fold(records), at(now)))


ENDED = story(
    *BEGUN,
    exited(WORKER, 0, 19),
    exited(MASTER, 0, 20),
    (21, StatusChanged("Running", "Succeeded")),
    (21, JobFinished("Succeeded", "", "", MASTER, 21.0)),
)


def test_a_whole_job_is_told_in_the_order_in_which_things_began() -> None:
    assert told(ENDED) == [
        ("queue", "", 1, 3),
        ("data", "oss://b/p/", 4, 2),
        ("pull", "pulled:1", 4.5, 4.5),
        ("libraries", "requirements", 6, 1),
        ("create", "master-0", 9.25, 0.25),
        ("start", "master-0", 9.5, 0.5),
        ("rendezvous", "", 10, 2),
        ("run", "master-0", 10, 10),
        ("create", "worker-0", 11.25, 0.25),
        ("start", "worker-0", 11.5, 0.5),
        ("run", "worker-0", 12, 7),
        ("stop", "", 20, 1),
    ]


def test_what_still_goes_on_lasts_until_now() -> None:
    rows = told(story(*BEGUN), now=30)
    assert [row for row in rows if row[0] in {"run", "stop"}] == [
        ("run", "master-0", 10, 20),
        ("run", "worker-0", 12, 18),
    ]
    queued = story(*BEGUN[:3])
    assert told(queued, now=9) == [("queue", "", 1, 8)]


def test_every_attempt_runs_for_itself_and_only_the_first_are_a_rendezvous() -> None:
    rows = told(
        story(
            *BEGUN,
            exited(MASTER, 1, 15),
            (16, StatusChanged("Running", "Restarting")),
            (16, ReplicaRestarted(MASTER, 2, "it failed", 1)),
            (18, ReplicaStarted(MASTER, "u3", 2, "c3", "ip", 0.25, 0.5)),
        ),
        now=20,
    )
    assert [row for row in rows if row[:2] == ("run", "master-0")] == [
        ("run", "master-0", 10, 5),
        ("run", "master-0", 18, 2),
    ]
    assert [row for row in rows if row[0] == "rendezvous"] == [("rendezvous", "", 10, 2)]


def test_a_job_that_is_stopped_stops_from_the_wish_on() -> None:
    rows = told(
        story(
            *BEGUN,
            (20, StopRequested("SIGINT")),
            (20, StatusChanged("Running", "Stopping")),
            exited(MASTER, 143, 22),
            exited(WORKER, 143, 23),
            (25, StatusChanged("Stopping", "Stopped")),
            (25, JobFinished("Stopped", "", "", None, 25.0)),
        )
    )
    assert rows[-1] == ("stop", "", 20, 5)


def test_a_trace_has_a_row_for_the_job_and_one_for_each_of_its_parts() -> None:
    records = [*ENDED, Record(99, at(15), JOB, FaultInjected(WORKER, 1, "w:kill@5s", "is killed"))]
    view = fold(ENDED)
    events = trace(records, view, phases(records, view, at(21)), at(21))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert list(names.values()) == [
        *("status", "job", "oss://b/p/", "pulled:1", "requirements", "master-0", "worker-0"),
    ]
    slices = [e for e in events if e["ph"] == "X"]
    assert all(e["dur"] >= 0 and e["pid"] == 1 and e["tid"] in names for e in slices)
    runs = {names[e["tid"]]: e["dur"] for e in slices if e["name"] == "run"}
    assert runs == {"master-0": 10_000_000, "worker-0": 7_000_000}
    assert next(e["name"] for e in slices if names[e["tid"]] == "status") == "Creating"
    (fault,) = (e for e in events if e["ph"] == "i")
    assert (names[fault["tid"]], fault["ts"]) == ("worker-0", round(at(15).timestamp() * 1e6))
    json.dumps(events)


def test_as_text_every_phase_has_its_bar_within_the_whole() -> None:
    text = timeline_text(phases(ENDED, fold(ENDED), at(21)), JOB, START, at(21))
    rows = text.splitlines()
    assert rows[0].split() == ["PHASE", "OF", "AFTER", "TOOK"]
    assert rows[1].split() == ["queue", "1.00s", "3.00s", "█" * 6]
    bars = [row.index("█") for row in rows[1:]]
    assert bars == sorted(bars)
    assert rows[-1].endswith("█")
    assert len(rows[-1]) == max(map(len, rows))


def test_a_long_uri_keeps_its_end() -> None:
    uri = "oss://bucket/a/very/long/way/to/some/data/set/"
    text = timeline_text([Phase("data", uri, START, at(1))], JOB, START, at(1))
    assert "…" in text
    assert "/to/some/data/set/" in text


def test_a_job_without_phases_says_so() -> None:
    assert timeline_text([], JOB, START, START) == "nothing has taken time yet"


def test_what_overlaps_has_rows_of_its_own() -> None:
    """A viewer takes bars of one row for calls within calls, and drops what is neither."""
    records = story(
        (0, JobCreated("job", "PyTorchJob", 2)),
        (0, StatusChanged("", "Creating")),
        (1, StatusChanged("Creating", "EnvPreparing")),
        (10, ReplicaStarted(MASTER, "u1", 1, "c1", "ip", 0.25, 0.5)),
        (10, StatusChanged("EnvPreparing", "Running")),
        (11, StopRequested("SIGINT")),
        (11, StatusChanged("Running", "Stopping")),
        (12, ReplicaStarted(WORKER, "u2", 1, "c2", "ip", 0.25, 0.5)),
        exited(MASTER, 143, 22),
        exited(WORKER, 143, 23),
        (9, StatusChanged("Stopping", "Stopped")),
        (9, JobFinished("Stopped", "", "", None, 25.0)),
    )
    view = fold(records)
    events = trace(records, view, phases(records, view, at(25)), at(25))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    rows = {e["name"]: e["tid"] for e in events if e["name"] in {"rendezvous", "stop"}}
    assert len(set(rows.values())) == 2
    assert {names[row] for row in rows.values()} == {"job"}
    assert all(e["dur"] >= 0 for e in events if e["ph"] == "X")
    assert all(phase.seconds >= 0 for phase in phases(records, view, at(5)))
