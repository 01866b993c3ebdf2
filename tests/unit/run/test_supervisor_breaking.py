"""What breaks beside a job must neither hide its verdict nor break another job."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from given import JOB_ID, request

import localdlc
from localdlc.record.events import Note, Record, ReplicaStarted
from localdlc.record.store import Store
from localdlc.record.view import JobView, fold
from localdlc.run.fake_engine import FakeEngine, FakeReplica

pytestmark = pytest.mark.usefixtures("alone")


def until_stopped(replica: FakeReplica) -> int:
    replica.wait_for_signal(20)
    return 143


def well(replica: FakeReplica) -> int:
    return 0


def stored(home: Path) -> JobView:
    store = Store(home)
    try:
        return fold(store.records(JOB_ID))
    finally:
        store.close()


def run(engine: FakeEngine, home: Path, **settings: Any) -> Any:
    return localdlc.run(request({"Worker": 2}), engine=engine, home=home, **settings)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_job_that_its_caller_breaks_has_a_verdict_and_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    engine = FakeEngine(until_stopped)

    def broken(record: Record) -> None:
        if isinstance(record.event, ReplicaStarted):
            raise error

    with pytest.raises(error):
        run(engine, tmp_path / "home", job_id=JOB_ID, on_event=broken)
    view = stored(tmp_path / "home")
    assert (view.status, view.reason_code) == ("Failed", "InternalError")
    assert (engine.containers, engine.networks) == ({}, {})


def test_a_wreck_that_nobody_can_read_is_told_and_stops_no_other_job(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(FakeEngine(well), home, job_id=JOB_ID)
    with sqlite3.connect(home / "jobs.db") as database:
        database.execute("UPDATE jobs SET status = 'Running'")
        database.execute("UPDATE events SET body = '[1]'")
    database.close()
    told: list[str] = []

    def listen(record: Record) -> None:
        if isinstance(record.event, Note):
            told.append(record.event.text)

    assert run(FakeEngine(well), home, on_event=listen).status == "Succeeded"
    assert any(JOB_ID in text for text in told)


def test_an_error_says_no_secret(tmp_path: Path) -> None:
    body = request(
        {"Worker": 1},
        CustomEnvs=[{"Key": "PART", "Value": "hidden-place"}],
        DataSources=[{"Uri": "file:///hidden-place/data", "MountPath": "/mnt/data"}],
    )
    with pytest.raises(localdlc.errors.InputError) as caught:
        localdlc.run(body, engine=FakeEngine(well), home=tmp_path / "home")
    assert "hidden-place" not in str(caught.value)
