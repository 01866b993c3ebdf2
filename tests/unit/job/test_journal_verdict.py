"""A verdict is stored as a whole: a kill between its two events leaves a job that has not ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from localdlc.job.journal import Journal
from localdlc.record.events import JobCreated, JobFinished, StatusChanged
from localdlc.record.masking import Mask
from localdlc.record.store import JobLog, Store

MOVED = StatusChanged("Creating", "Failed", "JobFailed", "It broke.")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "home")) as made:
        yield made


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    with closing(store.open_job("dlcx")) as writer:
        yield begun(writer)


def begun(writer: JobLog) -> Journal:
    journal = Journal("dlcx", writer, Mask(()), ())
    journal(JobCreated("test", "PyTorchJob", 1))
    journal(StatusChanged("", "Creating"))
    return journal


def test_a_status_that_ends_the_job_is_stored_with_its_verdict(
    store: Store, journal: Journal
) -> None:
    journal(MOVED)
    assert journal.view.terminal
    assert [row.job_id for row in store.unfinished()] == ["dlcx"]
    journal(JobFinished("Failed", "JobFailed", "It broke.", None, 1.0))
    assert store.unfinished() == []
    assert [record.event.type for record in store.records("dlcx")][-2:] == [
        "StatusChanged",
        "JobFinished",
    ]


def test_one_that_breaks_off_between_the_two_keeps_its_verdict(
    store: Store, journal: Journal
) -> None:
    journal(MOVED)
    journal.break_off()
    journal.break_off()
    finish = [r.event for r in store.records("dlcx") if isinstance(r.event, JobFinished)]
    assert [(one.status, one.reason_message) for one in finish] == [("Failed", "It broke.")]
