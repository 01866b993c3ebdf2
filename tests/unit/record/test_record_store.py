"""The home on disk: jobs and events that many processes share, one lock a job."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from localdlc.errors import HomeError, NotFound, UsageError
from localdlc.record import events
from localdlc.record.events import Event, JobCreated, Log, Record, StatusChanged
from localdlc.record.log_file import read_lines
from localdlc.record.query import JobQuery
from localdlc.record.schema import SCHEMA_VERSION
from localdlc.record.store import JobLog, Store, home_digest
from localdlc.record.view import fold

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store(home)
    yield opened
    opened.close()


def record(seq: int, job_id: str, event: Event, *, day: int = 0) -> Record:
    return Record(seq, START + timedelta(days=day, seconds=seq), job_id, event)


def new_job(store: Store, job_id: str, *, status: str = "Creating", day: int = 0) -> JobLog:
    log = store.open_job(job_id)
    log.append(record(0, job_id, JobCreated(f"name of {job_id}", "TFJob", 2), day=day))
    log.append(record(1, job_id, StatusChanged("", status), day=day))
    return log


def test_a_home_is_made_for_its_owner_alone(store: Store, home: Path) -> None:
    assert home.stat().st_mode & 0o777 == 0o700
    new_job(store, "dlc1").close()
    assert (home / "jobs" / "dlc1").stat().st_mode & 0o077 == 0


def test_records_come_back_as_they_went(store: Store) -> None:
    log = new_job(store, "dlc1", status="Failed")
    kept = record(2, "dlc1", events.ContainersKept(("a", "b")))
    exited = events.ReplicaExited("dlc1-worker-0", 1, 1, False, None, False, START)
    log.append(kept)
    log.append(record(3, "dlc1", exited))
    log.close()
    found = store.records("dlc1")
    assert [r.seq for r in found] == [0, 1, 2, 3]
    assert (found[2], found[3].event) == (kept, exited)
    assert store.records("dlc1", since=3) == found[3:]
    assert fold(found).status == "Failed"


def test_records_of_a_kind_that_a_newer_localdlc_wrote_are_left_aside(
    store: Store, home: Path
) -> None:
    new_job(store, "dlc1").close()
    with sqlite3.connect(home / "jobs.db") as database:
        database.execute("INSERT INTO events VALUES ('dlc1', 9, ?, 'Danced', '{}')", [str(START)])
    database.close()
    assert [r.event.type for r in store.records("dlc1")] == ["JobCreated", "StatusChanged"]


def test_a_row_shows_the_present_status(store: Store) -> None:
    log = new_job(store, "dlc1")
    log.append(record(2, "dlc1", StatusChanged("Creating", "EnvPreparing")))
    log.close()
    (row,) = store.jobs()
    assert (row.job_id, row.display_name, row.job_type, row.replicas, row.status) == (
        "dlc1",
        "name of dlc1",
        "TFJob",
        2,
        "EnvPreparing",
    )
    assert (row.created, row.changed) == (
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:02.000000Z",
    )


def test_the_newest_job_is_listed_first_and_is_the_last(store: Store) -> None:
    for day, job_id in enumerate(["dlcold", "dlcmiddle", "dlcnew"]):
        new_job(store, job_id, day=day).close()
    assert [row.job_id for row in store.jobs()] == ["dlcnew", "dlcmiddle", "dlcold"]
    assert [row.job_id for row in store.jobs(JobQuery(limit=1))] == ["dlcnew"]
    assert store.find("last") == "dlcnew"


def test_a_job_is_found_by_a_unique_prefix(store: Store) -> None:
    for job_id in ("dlcab", "dlcabc", "dlcx"):
        new_job(store, job_id).close()
    assert store.find("dlcx") == store.find("dlcx") == "dlcx"
    assert store.find("dlcabc") == "dlcabc"
    assert store.find("dlcab") == "dlcab"  # an id goes before a prefix
    with pytest.raises(NotFound, match="dlca is the beginning of 2 jobs: dlcab, dlcabc"):
        store.find("dlca")
    with pytest.raises(NotFound, match="there is no job dlcz"):
        store.find("dlcz")


def test_an_empty_home_has_no_last_job(store: Store, home: Path) -> None:
    assert store.jobs() == []
    with pytest.raises(NotFound, match=f"there is no job in {home} yet"):
        store.find("last")


def test_a_job_id_is_given_once(store: Store) -> None:
    new_job(store, "dlc1").close()
    with pytest.raises(UsageError, match=r"there is a job dlc1 in .* already"):
        store.open_job("dlc1")


def test_unfinished_jobs_are_those_without_a_verdict(store: Store) -> None:
    for job_id, status in [("dlc1", "Creating"), ("dlc2", "Failed")]:
        new_job(store, job_id, status=status).close()
    assert [row.job_id for row in store.unfinished()] == ["dlc1"]


# logs and documents


def test_logs_lie_in_a_file_a_replica_and_attempt(store: Store) -> None:
    log = new_job(store, "dlc1")
    for attempt in (1, 2, 10):
        log.append(record(2, "dlc1", Log("dlc1-ps-0", attempt, "stdout", b"%d\n" % attempt)))
    log.append(record(3, "dlc1", Log("dlc1-chief-0", 1, "stderr", b"a\nb\n")))
    log.close()
    files = store.log_files("dlc1")
    assert list(files) == ["dlc1-chief-0", "dlc1-ps-0"]
    assert [path.name for path in files["dlc1-ps-0"]] == [
        f"dlc1-ps-0.{attempt}.log" for attempt in (1, 2, 10)
    ]
    assert [text for _, _, text in read_lines(files["dlc1-chief-0"][0])] == [b"a", b"b"]
    assert files["dlc1-chief-0"][0].stat().st_mode & 0o777 == 0o600
    assert [r.event.type for r in store.records("dlc1")] == ["JobCreated", "StatusChanged"]


def test_logs_come_in_the_order_of_the_plan(store: Store) -> None:
    log = new_job(store, "dlc1")
    pods = ["dlc1-worker-10", "dlc1-worker-2", "dlc1-chief-0", "dlc1-worker-2.side"]
    for pod in pods:
        log.append(record(2, "dlc1", Log(pod, 1, "stdout", b"x\n")))
    assert sorted(store.log_files("dlc1")) == sorted(pods)  # a kill may leave no plan
    planned = ["dlc1-chief-0", *(f"dlc1-worker-{n}" for n in range(12)), "dlc1-ps-0"]
    log.write_document("plan.json", {"replicas": [{"pod_id": pod} for pod in planned]})
    log.close()
    assert list(store.log_files("dlc1")) == [
        "dlc1-chief-0",
        "dlc1-worker-2",
        "dlc1-worker-2.side",
        "dlc1-worker-10",
    ]


def test_a_line_is_on_disk_as_soon_as_it_is_appended(store: Store) -> None:
    log = new_job(store, "dlc1")
    log.append(record(2, "dlc1", Log("dlc1-ps-0", 1, "stdout", b"now\n")))
    assert [text for _, _, text in read_lines(store.log_files("dlc1")["dlc1-ps-0"][0])] == [b"now"]
    log.close()


def test_documents_are_for_the_owner_alone(store: Store) -> None:
    log = new_job(store, "dlc1")
    log.write_document("plan.json", {"a": "作业"})
    log.close()
    assert (log.folder / "plan.json").stat().st_mode & 0o777 == 0o600
    assert store.read_plan("dlc1") == {"a": "作业"}


# what is wrong with a home


@pytest.mark.parametrize("place", ["file", "file/home", "file/far/home"])
def test_a_home_that_is_no_folder_is_a_sentence(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match=rf"{place} cannot be a folder: .*--home") as error:
        Store(tmp_path / place)
    assert f"{file} is a file" in str(error.value)


def test_a_home_that_cannot_be_made_is_a_sentence() -> None:
    with pytest.raises(HomeError, match=r"the home /proc/home cannot be used: .*--home"):
        Store(Path("/proc/home"))


def test_a_database_that_is_none_is_a_sentence(home: Path) -> None:
    home.mkdir()
    (home / "jobs.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(HomeError, match="file is not a database"):
        Store(home)


def test_a_home_of_a_newer_localdlc_is_left_alone(store: Store, home: Path) -> None:
    with sqlite3.connect(home / "jobs.db") as database:
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    database.close()
    with pytest.raises(HomeError, match=rf"newer localdlc .schema {SCHEMA_VERSION + 1}"):
        Store(home)


def test_a_disk_that_fails_in_mid_job_is_a_sentence(store: Store) -> None:
    log = new_job(store, "dlc1")
    (log.folder / "logs").rmdir()
    with pytest.raises(HomeError, match=r"cannot be used: .*No such file"):
        log.append(record(2, "dlc1", Log("dlc1-ps-0", 1, "stdout", b"a\n")))
    with pytest.raises(HomeError, match="UNIQUE constraint"):
        log.append(record(1, "dlc1", events.Note("a number that is taken")))
    log.append(record(2, "dlc1", events.Note("and the writer still works")))
    log.close()


def test_a_plan_that_somebody_removed_is_a_sentence(store: Store) -> None:
    new_job(store, "dlc1").close()
    with pytest.raises(HomeError, match=r"plan\.json"):
        store.read_plan("dlc1")


def test_a_home_has_a_digest_that_does_not_say_where_it_is(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    assert home_digest(home) == home_digest(tmp_path / "link") != home_digest(tmp_path)
    assert len(home_digest(home)) == 16


# many processes

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from localdlc.record.events import JobCreated, Note, Record
from localdlc.record.query import JobQuery
from localdlc.record.schema import SCHEMA_VERSION
from localdlc.record.store import Store
home, job_id = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
store = Store(home)
log = store.open_job(job_id)
log.append(Record(0, datetime.now(UTC), job_id, JobCreated("n", "TFJob", 1)))
for n in range(1, 40):
    log.append(Record(n, datetime.now(UTC), job_id, Note(str(n))))
print("written", flush=True)
sys.stdin.readline()
"""
Writer = subprocess.Popen[str]


def writer(home: Path, job_id: str) -> Writer:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home), job_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go_on(process: Writer) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def says(process: Writer) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_processes_write_into_one_fresh_home_at_once_and_hold_their_own_jobs(home: Path) -> None:
    writers = {job_id: writer(home, job_id) for job_id in ("dlca", "dlcb", "dlcc")}
    assert [says(process) for process in writers.values()] == ["ready"] * 3
    for process in writers.values():
        go_on(process)
    assert [says(process) for process in writers.values()] == ["written"] * 3
    store = Store(home)
    assert {job_id: len(store.records(job_id)) for job_id in writers} == dict.fromkeys(writers, 40)

    assert all(store.supervised(job_id) for job_id in writers)
    assert store.adopt_job("dlca") is None
    os.kill(writers["dlca"].pid, signal.SIGKILL)
    for job_id in ("dlcb", "dlcc"):
        go_on(writers[job_id])
    for process in writers.values():
        process.communicate()
    assert not any(store.supervised(job_id) for job_id in writers)
    adopted = store.adopt_job("dlca")
    assert adopted
    assert store.supervised("dlca")
    adopted.close()
    store.close()


def test_a_job_without_a_folder_is_not_supervised_and_not_adopted(store: Store) -> None:
    assert store.supervised("dlc1") is False
    assert store.adopt_job("dlc1") is None


def test_a_log_gives_its_lock_back(store: Store) -> None:
    log = new_job(store, "dlc1")
    assert store.supervised("dlc1")
    log.close()
    assert not store.supervised("dlc1")


def test_events_are_stored_as_json_that_others_can_read(store: Store, home: Path) -> None:
    new_job(store, "dlc1").close()
    with sqlite3.connect(home / "jobs.db") as database:
        bodies = database.execute("SELECT body FROM events ORDER BY seq").fetchall()
    database.close()
    assert json.loads(bodies[1][0]) == {
        "from": "",
        "to": "Creating",
        "reason_code": "",
        "reason_message": "",
    }
