"""The fold: from what happened to what there is to know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localdlc.record import events
from localdlc.record.events import Event, Record, StatusChanged
from localdlc.record.view import MOVES, TERMINAL, JobView, fold

START = datetime(2026, 1, 1, tzinfo=UTC)
POD = "dlc1-worker-0"


def second(n: float) -> datetime:
    return START + timedelta(seconds=n)


def view_of(*happened: Event) -> JobView:
    """One event a second."""
    return fold(Record(n, second(n), "dlc1", event) for n, event in enumerate(happened))


def moves(*statuses: str) -> list[Event]:
    """From nothing through these."""
    return [StatusChanged(a, b, f"to {b}") for a, b in zip(("", *statuses), statuses, strict=False)]


def ended(code: int, *, ours: bool = False) -> Event:
    signal = "SIGTERM" if code == 143 else None
    return events.ReplicaExited(POD, 1, code, False, signal, ours, second(100))


PATHS = [
    "Creating EnvPreparing Running Succeeded",
    "Creating EnvPreparing Running Failed",
    "Creating Queuing EnvPreparing Running Stopping Stopped",
    "Creating EnvPreparing Running Restarting Running Succeeded",
    "Creating EnvPreparing Failed",
    "Creating EnvPreparing Stopping Stopped",
    "Creating Stopped",
    "Failed",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_job_may_go_this_way_and_its_history_shows_it(path: str) -> None:
    statuses = path.split()
    view = view_of(*moves(*statuses))
    assert view.status == statuses[-1]
    assert view.reason_code == f"to {statuses[-1]}"
    assert view.terminal is (statuses[-1] in TERMINAL)
    assert [span.status for span in view.history] == statuses
    starts = [second(n) for n in range(len(statuses))]
    assert [span.start for span in view.history] == starts
    assert [span.end for span in view.history] == [*starts[1:], None]


def test_why_a_job_is_queued_is_what_it_was_told_last() -> None:
    queued = [*moves("Creating", "Queuing"), events.JobQueued("no GPU"), events.JobQueued("one")]
    view = view_of(*queued)
    assert (view.status, view.reason_code, view.reason_message) == ("Queuing", "to Queuing", "one")
    assert [span.reason_message for span in view.history] == ["", "one"]
    running = view_of(*queued, StatusChanged("Queuing", "EnvPreparing"), events.JobQueued("late"))
    assert running.reason_message == ""
    assert running.history[1].reason_message == "one"


ALL = sorted({*MOVES, *TERMINAL} - {""})
ILLEGAL = [
    ("Running", "Creating"),
    ("Running", "EnvPreparing"),
    ("Creating", "Succeeded"),
    ("EnvPreparing", "Succeeded"),
    ("Stopping", "Running"),
    ("Stopping", "Succeeded"),
    ("Running", "Running"),
    ("Running", "Dancing"),
    *[(end, status) for end in sorted(TERMINAL) for status in ALL],
]


@pytest.mark.parametrize(("before", "to"), ILLEGAL)
def test_a_job_cannot_go_that_way(before: str, to: str) -> None:
    way = next(path.split() for path in PATHS if before in path.split())
    known = moves(*way[: way.index(before) + 1])
    with pytest.raises(ValueError, match=f"from {before} to {to}"):
        view_of(*known, StatusChanged(before, to))


def test_a_job_begins_by_being_created() -> None:
    view = view_of(events.JobCreated("job", "TFJob", 2), *moves("Creating"))
    assert (view.job_id, view.display_name, view.job_type) == ("dlc1", "job", "TFJob")
    assert view.created == START
    with pytest.raises(ValueError, match="from nothing to Running"):
        view_of(StatusChanged("", "Running"))


@pytest.mark.parametrize(("code", "status"), [(0, "Succeeded"), (1, "Failed"), (143, "Failed")])
def test_a_replica_runs_writes_and_ends(code: int, status: str) -> None:
    view = view_of(
        events.ReplicaStarted(POD, "uid", 1, "c", "10.0.0.2"),
        events.Log(POD, 1, "stdout", b"a\nb\n"),
        events.Log(POD, 1, "stderr", b"c", partial=True),
        ended(code, ours=code == 143),
    )
    replica = view.replicas[POD]
    assert (replica.status, replica.exit_code) == (status, code)
    assert (replica.started, replica.finished) == (START, second(100))
    assert (replica.pod_uid, replica.ip) == ("uid", "10.0.0.2")
    assert (replica.signal, replica.stopped_by_us) == (
        ("SIGTERM", True) if code == 143 else (None, False)
    )


def test_a_lost_replica_is_unknown() -> None:
    replica = view_of(events.ReplicaLost(POD, 1, "the engine went away")).replicas[POD]
    assert (replica.status, replica.lost, replica.exit_code) == (
        "Unknown",
        "the engine went away",
        None,
    )


def test_a_new_attempt_starts_afresh() -> None:
    view = view_of(
        events.ReplicaStarted(POD, "one", 1, "c", "10.0.0.2"),
        ended(1),
        events.ReplicaStarted(POD, "two", 2, "d", "10.0.0.2"),
    )
    replica = view.replicas[POD]
    assert (replica.attempt, replica.pod_uid, replica.exit_code) == (2, "two", None)


def test_earlier_attempts_are_history() -> None:
    view = view_of(
        events.ReplicaStarted(POD, "one", 1, "c", "10.0.0.2"),
        ended(137),
        events.ReplicaRestarted(POD, 2, "it ended", 1),
        events.ReplicaStarted(POD, "two", 2, "d", "10.0.0.2"),
        ended(1),
        events.ReplicaRestarted(POD, 3, "it ended", 2),
    )
    replica = view.replicas[POD]
    assert (replica.status, replica.attempt, view.restarts) == ("Pending", 3, 2)
    assert [(e.attempt, e.pod_uid, e.exit_code) for e in replica.earlier] == [
        (1, "one", 137),
        (2, "two", 1),
    ]
    assert not any(e.earlier for e in replica.earlier)


def test_the_first_who_wants_a_stop_is_named() -> None:
    view = view_of(events.StopRequested("SIGINT"), events.StopRequested("SIGTERM"))
    assert view.stop_requested_by == "SIGINT"


def test_inputs_notes_and_the_end_are_kept() -> None:
    staged = events.InputStaged("data", "d", 1, 1, 0.0, True)
    finish = events.JobFinished("Failed", "E", "words", POD, 2.0)
    view = view_of(staged, events.Note("a"), events.Note("b"), finish)
    assert (view.inputs, view.notes) == ((staged,), ("a", "b"))
    assert (view.deciding_replica, view.finished) == (POD, second(3))


def test_what_is_only_shown_changes_nothing() -> None:
    assert view_of(events.Progress("i", "50%")) == JobView(job_id="dlc1")


def test_a_fold_is_the_same_in_one_go_or_in_steps() -> None:
    happened = [*moves("Creating", "EnvPreparing", "Running"), ended(0)]
    records = [Record(n, second(n), "dlc1", event) for n, event in enumerate(happened)]
    assert fold(records) == fold(iter(records))
