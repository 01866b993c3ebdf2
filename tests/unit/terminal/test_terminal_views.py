"""``list`` and ``show`` as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from localdlc.record import events
from localdlc.record.events import Event, Record, StatusChanged
from localdlc.record.log_query import Folded, Line
from localdlc.record.store import JobRow
from localdlc.record.view import fold
from localdlc.terminal.job_list import job_table
from localdlc.terminal.views import folded_line, job_text, log_line

START = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = {"cpus": 0.5, "memory": 1 << 30, "shm": None, "gpu_count": 0, "asked": None}


def shown(happened: Iterable[Event], *roles: str) -> str:
    """Replicas of these roles, all alike but for that."""
    replicas = [{"role": role, "image": "some:1", "resources": GIVEN} for role in roles]
    view = fold(Record(n, START, "dlc1", event) for n, event in enumerate(happened))
    return job_text(view, {"replicas": replicas})


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
    text = shown(happened)
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
    text = shown(happened)
    assert text.splitlines()[-1] == "  ps-0  Running"


def test_images_and_what_replicas_are_given_are_told_by_role() -> None:
    lines = shown([events.JobCreated("job", "TFJob", 3)], "ps", "worker", "worker").splitlines()
    given = "some:1  0.5 cores, 1 GiB of memory, this machine's /dev/shm"
    assert lines[1:] == [f"  1 ps      {given}", f"  2 worker  {given}"]


def test_a_clock_that_is_set_back_makes_no_job_shorter() -> None:
    before = [events.JobCreated("job", "TFJob", 1), StatusChanged("", "Creating")]
    ended = events.JobFinished("Failed", "JobFailed", "It broke.", None, 4.2)
    back = START - timedelta(days=2)
    records = [Record(n, START, "dlc1", event) for n, event in enumerate(before)]
    records += [
        Record(2, back, "dlc1", StatusChanged("Creating", "Failed", "JobFailed", "It broke.")),
        Record(3, back, "dlc1", ended),
    ]
    assert job_text(fold(records), {"replicas": []}).startswith(
        "TFJob dlc1 (job): Failed after 4.2"
    )


def test_a_replica_is_named_whatever_its_job_and_what_stands_beside_it_are_called() -> None:
    pods = ["dlcmy-own-worker-0", "dlcmy-own-worker-1", "dlcmy-own-worker-1.side-car"]
    assert [log_line(pod, 1, b"x", prefixed=True).decode() for pod in pods] == [
        "worker-0 | x\n",
        "worker-1 | x\n",
        "worker-1.side-car | x\n",
    ]
    fold = Folded(Line(pods[0], 1, "", "stdout", b"x"), pods)
    assert folded_line(fold, [*pods, "another"]) == b"worker-0..1 worker-1.side-car | x\n"


def test_a_row_that_makes_no_sense_hides_no_other() -> None:
    rows = [
        JobRow(
            "dlc1", "good", "TFJob", 1, "Failed", "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"
        ),
        JobRow("dlc2", "bad", "TFJob", 1, "Failed", "yesterday", "today"),
    ]
    _, good, bad = (line.split() for line in job_table(rows, START).splitlines())
    assert good[-2:] == ["0.0s", "5.0s"]
    assert bad == ["dlc2", "bad", "TFJob", "1", "Failed", "?", "?"]
