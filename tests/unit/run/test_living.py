"""Jobs reached by name: stopped, waited for, followed, deleted, trimmed; on the fake engine."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from clocked import until_stopped
from given import JOB_ID, request

import localdlc
from localdlc import taking_over
from localdlc.config import Config, load_config
from localdlc.errors import BadRequest, HomeError, NotFound, Unreadable
from localdlc.job.journal import Journal
from localdlc.job.result import Result
from localdlc.job.trimming import trim
from localdlc.job.wiring import trim_in_passing
from localdlc.record.events import Note, Record
from localdlc.record.log_query import LogQuery
from localdlc.record.masking import Mask
from localdlc.record.store import Store
from localdlc.run.control import Control
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script
from localdlc.service import Service

pytestmark = pytest.mark.usefixtures("alone")


def config(home: Path, **settings: Any) -> Config:
    return replace(load_config({"home": str(home)}, {}, home.parent), **settings)


def ran(home: Path, job_id: str, script: Script = lambda _: 0, **settings: Any) -> Result:
    return localdlc.run(
        request({"Worker": 1}), engine=FakeEngine(script), home=home, job_id=job_id, **settings
    )


def writing(data: bytes) -> Script:
    def run(replica: FakeReplica) -> int:
        replica.write(data)
        return 0

    return run


@contextmanager
def running(home: Path, script: Script) -> Iterator[Service]:
    """A job in another thread, which has begun."""
    begun = []

    def run() -> None:
        begun.append(ran(home, JOB_ID, script))

    thread = Thread(target=run)
    thread.start()
    service = Service(config(home))
    while not (home / "jobs" / JOB_ID / "control").exists() or not status(home):
        assert thread.is_alive()
    yield service
    thread.join()
    assert len(begun) == 1


def status(home: Path) -> str:
    store = Store(home)
    try:
        return store.view(JOB_ID).status if store.jobs() else ""
    finally:
        store.close()


def test_stop_reaches_a_job_by_its_name_and_returns_when_it_is_over(tmp_path: Path) -> None:
    with running(tmp_path / "home", until_stopped) as jobs:
        view = jobs.stop_job(JOB_ID[:6])
    assert view.status == "Stopped"
    assert (view.stop_requested_by or "").endswith(" (localdlc stop)")
    assert not (tmp_path / "home" / "jobs" / JOB_ID / "control").exists()
    with pytest.raises(BadRequest, match="has ended"):
        jobs.stop_job("last")


def test_a_job_that_runs_is_not_deleted(tmp_path: Path) -> None:
    with running(tmp_path / "home", until_stopped) as jobs:
        with pytest.raises(BadRequest, match="localdlc stop"):
            jobs.delete_job(JOB_ID)
        assert jobs.running_jobs() == [JOB_ID]
        jobs.stop_job(JOB_ID, kill=True)
    assert jobs.delete_job(JOB_ID) == JOB_ID
    with pytest.raises(NotFound):
        jobs.wait_job(JOB_ID)


def test_lines_are_followed_as_they_come_and_each_comes_once(tmp_path: Path) -> None:
    def talks(replica: FakeReplica) -> int:
        for n in range(50):
            replica.write(b"line %d\n" % n)
            replica.wait_for_signal(0.005)
        replica.write(b"half")
        return 0

    with running(tmp_path / "home", talks) as jobs:
        found = [line.text for some in jobs.follow_pod_logs("last") for line in some]
    assert found == [*(b"line %d" % n for n in range(50)), b"half"]
    again = [line.text for some in jobs.follow_pod_logs("last") for line in some]
    assert again == found


def test_only_what_is_asked_for_is_followed(tmp_path: Path) -> None:
    ran(tmp_path / "home", JOB_ID, writing(b"a\nb\nc\n"))
    jobs = Service(config(tmp_path / "home"))
    query = LogQuery(pods=("master-0",), tail=2)
    assert [x.text for some in jobs.follow_pod_logs("last", query) for x in some] == [b"b", b"c"]
    with pytest.raises(NotFound, match="master-0"):
        list(jobs.follow_pod_logs("last", LogQuery(pods=("worker-9",))))


# a home that is damaged


def test_a_row_that_cannot_be_read_is_named_and_the_job_can_still_be_removed(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    ran(home, "dlcgood")
    ran(home, "dlcbad")
    with sqlite3.connect(home / "jobs.db") as database:
        database.execute("UPDATE events SET body = '{' WHERE job_id = 'dlcbad' AND seq = 1")
    database.close()
    jobs = Service(config(home))
    with pytest.raises(Unreadable, match=r"event 1 \(StatusChanged\) of dlcbad .*rm dlcbad"):
        jobs.get_job("dlcbad")
    assert jobs.get_job("dlcgood")[0].status == "Succeeded"
    assert {row.job_id for row in jobs.list_jobs()} == {"dlcgood", "dlcbad"}
    jobs.delete_job("dlcbad")
    assert [row.job_id for row in jobs.list_jobs()] == ["dlcgood"]


@pytest.mark.parametrize(
    ("left", "words"),
    [(b"{", "Expecting property name"), (b"", "Expecting value"), (None, "not there")],
)
def test_a_plan_that_cannot_be_read_is_named_and_the_job_can_still_be_removed(
    tmp_path: Path, left: bytes | None, words: str
) -> None:
    home = tmp_path / "home"
    ran(home, JOB_ID)
    plan = home / "jobs" / JOB_ID / "plan.json"
    plan.unlink() if left is None else plan.write_bytes(left)
    jobs = Service(config(home))
    with pytest.raises(Unreadable, match=rf"plan.json of {JOB_ID} .*{words}.*rm {JOB_ID}"):
        jobs.get_job("last")
    jobs.delete_job("last")
    assert jobs.list_jobs() == []


def test_a_row_that_is_missing_is_told(tmp_path: Path) -> None:
    ran(tmp_path / "home", JOB_ID)
    with sqlite3.connect(tmp_path / "home" / "jobs.db") as database:
        database.execute("DELETE FROM events WHERE seq = 1")
    database.close()
    with pytest.raises(Unreadable, match=r"its story of .* cannot go from nothing"):
        Service(config(tmp_path / "home")).get_job("last")


def test_a_database_that_is_none_is_told_with_what_stays(tmp_path: Path) -> None:
    ran(tmp_path / "home", JOB_ID)
    for name in ("jobs.db-wal", "jobs.db-shm"):
        (tmp_path / "home" / name).unlink(missing_ok=True)
    (tmp_path / "home" / "jobs.db").write_bytes(b"not a database at all" * 300)
    with pytest.raises(HomeError, match=r"damaged: move .*jobs.db away"):
        Service(config(tmp_path / "home")).list_jobs()


@pytest.fixture
def small() -> Iterator[Path]:
    """A file system of a megabyte; apart from pytest's folders, which it removes some day."""
    if os.geteuid():
        pytest.skip("only root may mount")
    place = Path(tempfile.mkdtemp(prefix="localdlc-small-"))
    mount = ("mount", "-t", "tmpfs", "-o", "size=1m", "localdlc-test", str(place))
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(("umount", "--lazy", str(place)), check=True)
    place.rmdir()


def test_a_home_that_is_full_ends_the_job_with_a_sentence_and_its_verdict_comes_later(
    small: Path,
) -> None:
    def talks(replica: FakeReplica) -> int:
        for _ in range(200):
            replica.write(b"x" * 99_999 + b"\n")
        return until_stopped(replica)

    engine = FakeEngine(talks)
    with pytest.raises(HomeError, match=r"No space left on device.*Is the disk full"):
        localdlc.run(request({"Worker": 1}), engine=engine, home=small / "home", job_id=JOB_ID)
    assert (engine.containers, engine.networks) == ({}, {})
    with suppress(OSError), (small / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(bytes(1 << 10)):
            pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taking_over, "engine_of", lambda *_: engine)
        with pytest.raises(HomeError, match=f"{JOB_ID} cannot be given its verdict: .*full"):
            taking_over.take_over(JOB_ID, config(small / "home"), Control(), lambda: None)
    for path in (small / "home" / "jobs" / JOB_ID / "logs").iterdir():
        path.unlink()
    jobs = Service(config(small / "home"), engine)
    jobs.gc()
    view, _ = jobs.get_job(JOB_ID)
    assert view.status == "Failed"
    assert "had broken off by itself" in view.reason_message


def test_a_home_that_is_read_only_is_told(small: Path) -> None:
    ran(small / "home", JOB_ID)
    subprocess.run(("mount", "-o", "remount,ro", str(small)), check=True)
    with pytest.raises(HomeError, match="read-only"):
        ran(small / "home", "dlcother")


# limits


def test_the_oldest_jobs_go_first_and_it_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for n in range(4):
        ran(home, f"dlcn{n}")
    assert trim(config(home, limit_jobs=2), dry_run=True) == [
        "2 of 4 old jobs would be removed: limit_jobs is 2"
    ]
    assert len(list((home / "jobs").iterdir())) == 4
    assert trim(config(home, limit_jobs=2)) == ["2 of 4 old jobs were removed: limit_jobs is 2"]
    assert sorted(path.name for path in (home / "jobs").iterdir()) == ["dlcn2", "dlcn3"]
    assert [row.job_id for row in Service(config(home)).list_jobs()] == ["dlcn3", "dlcn2"]
    assert trim(config(home, limit_jobs=2)) == []


def test_old_logs_go_and_what_is_known_of_their_jobs_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for n in range(3):
        ran(home, f"dlcn{n}", writing(b"x" * 999 + b"\n"))
    assert trim(config(home, limit_logs=2500)) == [
        "1.0 kB of old logs were removed: limit_logs is 2.5 kB"
    ]
    jobs = Service(config(home))
    assert [len(list(jobs.get_pod_logs(f"dlcn{n}"))) for n in range(3)] == [0, 1, 1]
    assert jobs.get_job("dlcn0")[0].status == "Succeeded"


def test_a_job_that_runs_is_never_trimmed(tmp_path: Path) -> None:
    with running(tmp_path / "home", until_stopped) as jobs:
        limits = {"limit_jobs": 0, "limit_logs": 0}
        assert trim(config(tmp_path / "home", **limits)) == []
        assert jobs.stop_job("last").status == "Stopped"


def test_a_job_that_somebody_has_in_hand_is_left_to_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for n in range(3):
        ran(home, f"dlcn{n}")
    with closing(Store(home)) as store:
        held = store.adopt_job("dlcn0")
        assert held
        with closing(held):
            told = trim(config(home, limit_jobs=1))
    assert told == ["1 of 3 old jobs were removed: limit_jobs is 1"]
    assert sorted(path.name for path in (home / "jobs").iterdir()) == ["dlcn0", "dlcn2"]


def test_a_run_does_not_fail_for_what_cannot_be_trimmed(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    ran(home, "dlcn0", writing(b"x\n"))
    (home / "jobs" / "dlcn0" / "logs").rename(elsewhere)
    (home / "jobs" / "dlcn0" / "logs").symlink_to(elsewhere)
    os.utime(home / "trimmed", (0, 0))
    result = ran(home, "dlcn1", limit_logs=0)
    assert result.status == "Succeeded"
    (note,) = (note for note in result.view.notes if "limits" in note)
    assert note.startswith("what is beyond the limits could not be removed: ")


def test_a_run_looks_once_a_day(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for n in range(3):
        ran(home, f"dlcn{n}")
    chosen = config(home, limit_jobs=1)
    told: list[str] = []

    def listen(record: Record, view: object) -> None:
        if isinstance(record.event, Note):
            told.append(record.event.text)

    class Nowhere:
        def append(self, record: Record) -> None: ...

    journal = Journal(JOB_ID, Nowhere(), Mask(()), [listen])  # type: ignore[arg-type]
    trim_in_passing(chosen, journal)
    assert told == []
    os.utime(home / "trimmed", (0, 0))
    trim_in_passing(chosen, journal)
    trim_in_passing(chosen, journal)
    assert told == ["2 of 3 old jobs were removed: limit_jobs is 1"]
