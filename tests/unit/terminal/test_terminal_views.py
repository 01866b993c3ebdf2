"""``list`` and ``show`` as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from localdlc.record import events
from localdlc.record.events import Record, StatusChanged
from localdlc.record.view import fold
from localdlc.terminal.views import job_text

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_job_shows_its_history_and_its_replicas() -> None:
    happened = [
        events.JobCreated("job", "TFJob", 2),
        StatusChanged("", "Creating"),
        StatusChanged("Creating", "EnvPreparing"),
        StatusChanged("EnvPreparing", "Running", "JobRunning", "It runs."),
        events.ReplicaExited("dlc1-chief-0", 1, 1, False, None, False, START),
        events.ReplicaStarted("dlc1-ps-0", "u", 1, "c", "ip"),
        StatusChanged("Running", "Failed", "JobFailed", "It broke."),
    ]
    text = job_text(fold(Record(n, START, "dlc1", event) for n, event in enumerate(happened)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "TFJob dlc1 (job): Failed"
    assert "It broke." in lines
    assert "2026-01-01 00:00:00 Running It runs." in lines
    assert "chief-0 Failed ended with exit code 1" in lines
    assert "ps-0 Running had not ended" in lines


def test_of_a_replica_that_runs_there_is_no_end_to_tell() -> None:
    happened = [
        events.JobCreated("job", "TFJob", 1),
        StatusChanged("", "Creating"),
        events.ReplicaStarted("dlc1-ps-0", "u", 1, "c", "ip"),
    ]
    text = job_text(fold(Record(n, START, "dlc1", event) for n, event in enumerate(happened)))
    assert text.splitlines()[-1] == "  ps-0  Running"
