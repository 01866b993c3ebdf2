"""Which jobs a list has, asked of a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from localdlc.record.events import JobCreated, Record, StatusChanged
from localdlc.record.query import SORTS, JobQuery
from localdlc.record.store import Store

START = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three jobs, an hour apart: one that runs, one that failed after 9 s, one after 2 s."""
    store = Store(tmp_path)
    jobs = [
        ("dlca", "Bert-large", "PyTorchJob", {"team": "nlp"}, None),
        ("dlcb", "resnet", "TFJob", {"team": "cv", "a.b": "x y"}, 9),
        ("dlcc", "bert-base", "TFJob", {}, 2),
    ]
    for hour, (job_id, name, kind, tags, seconds) in enumerate(jobs):
        log = store.open_job(job_id, tags)
        created = START + timedelta(hours=hour)
        log.append(Record(0, created, job_id, JobCreated(name, kind, 1)))
        log.append(Record(1, created, job_id, StatusChanged("", "Creating")))
        if seconds:
            ended = created + timedelta(seconds=seconds)
            log.append(Record(2, ended, job_id, StatusChanged("Creating", "Failed")))
        log.close()
    yield store
    store.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (JobQuery(), "cba"),
        (JobQuery(ascending=True), "abc"),
        (JobQuery(statuses=("Failed",)), "cb"),
        (JobQuery(statuses=("Failed", "Creating"), types=("PyTorchJob",)), "a"),
        (JobQuery(name="BERT"), "ca"),
        (JobQuery(name="%"), ""),
        (JobQuery(since=START + timedelta(hours=1)), "cb"),
        (JobQuery(until=START + timedelta(hours=1)), "a"),
        (JobQuery(labels=(("team", "nlp"),)), "a"),
        (JobQuery(labels=(("a.b", "x y"), ("team", "cv"))), "b"),
        (JobQuery(labels=(("team", "cv"), ("no", "such"))), ""),
        (JobQuery(sort="name", ascending=True), "cab"),
        (JobQuery(sort="duration", statuses=("Failed",)), "bc"),
        (JobQuery(sort="type", ascending=True), "abc"),
        (JobQuery(limit=2), "cb"),
        (JobQuery(limit=2, page=2), "a"),
        (JobQuery(limit=2, page=3), ""),
    ],
)
def test_a_query_finds_its_jobs_in_order(store: Store, query: JobQuery, found: str) -> None:
    assert [row.job_id for row in store.jobs(query)] == [f"dlc{letter}" for letter in found]


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_is_a_column_that_is_there(store: Store, sort: str) -> None:
    assert len(store.jobs(JobQuery(sort=sort))) == 3


def test_a_home_of_the_first_schema_gains_what_is_new(tmp_path: Path) -> None:
    import sqlite3

    from localdlc.record.schema import SCHEMA, SCHEMA_VERSION

    database = sqlite3.connect(tmp_path / "jobs.db")
    database.executescript(SCHEMA[0])
    row = ("dlcold", "old", "TFJob", 1, "Failed", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    database.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    database.execute("PRAGMA user_version=1")
    database.commit()
    database.close()
    store = Store(tmp_path)
    assert [one.job_id for one in store.jobs(JobQuery(name="old"))] == ["dlcold"]
    assert store.jobs(JobQuery(labels=(("a", "b"),))) == []
    store.close()
    version = sqlite3.connect(tmp_path / "jobs.db").execute("PRAGMA user_version").fetchone()
    assert version == (SCHEMA_VERSION,)
