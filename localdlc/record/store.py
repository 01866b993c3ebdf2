"""The home on disk: jobs and events in SQLite, logs in files beside it, one lock a job.

Many processes share one home; each job has one writer, the holder of its lock. A lock that can be
taken therefore means that the job's supervisor is gone.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from localdlc.errors import HomeError, NotFound, Unreadable, UsageError
from localdlc.record.events import EVENT_TYPES, Record, decoded
from localdlc.record.explained import explained
from localdlc.record.job_log import JobLog
from localdlc.record.log_file import attempt_of, pod_of
from localdlc.record.schema import SCHEMA_VERSION, migrate, opened, transaction
from localdlc.record.view import TERMINAL, JobView, fold

if TYPE_CHECKING:
    from localdlc.record.query import JobQuery

__all__ = ["JobLog", "JobRow", "Store", "explained", "home_digest"]

NEWEST = "ORDER BY created DESC, job_id"


class JobRow(NamedTuple):
    """A job as a list shows it. Times are ISO 8601, UTC."""

    job_id: str
    display_name: str
    job_type: str
    replicas: int
    status: str
    created: str
    changed: str

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


def make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(place for place in (home, *home.parents) if place.exists())
        raise UsageError(
            f"the home {home} cannot be a folder: {file} is a file. "
            "Choose another with --home or LOCALDLC_HOME."
        ) from error


def home_digest(home: Path) -> str:
    """What the label ``localdlc.home`` holds: whose containers these are, without saying where."""
    return sha256(str(home.resolve()).encode()).hexdigest()[:16]


class Store:
    """The jobs of one home."""

    def __init__(self, home: Path) -> None:
        """Opens the home, making it if need be (mode 0700). Raises `HomeError`, `UsageError`."""
        self.home = home
        with explained(self.home):
            make_folder(home)
            self._database = opened(home / "jobs.db")
            self._migrate()

    def close(self) -> None:
        self._database.close()

    def _migrate(self) -> None:
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise HomeError(
                f"{self.home} was written by a newer localdlc (schema {version}, this one knows "
                f"{SCHEMA_VERSION}). Upgrade localdlc, or choose another --home."
            )
        if version < SCHEMA_VERSION:
            migrate(self._database)

    # one job, written

    def job_folder(self, job_id: str) -> Path:
        return self.home / "jobs" / job_id

    def open_job(self, job_id: str, tags: Mapping[str, str] | None = None) -> JobLog:
        """The writer of a new job; takes its lock. Raises `UsageError` when the id is taken.

        ``tags`` are the request's ``Settings.Tags``, by which jobs can be listed.
        """
        folder = self.job_folder(job_id)
        with explained(self.home):
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            (folder / "logs").mkdir(exist_ok=True)
            lock = self._lock_of_its_own(folder)
            return JobLog(self._database, folder, lock, tags or {})

    def _lock_of_its_own(self, folder: Path) -> BinaryIO:
        """A folder without a job in it is what a kill at the wrong moment leaves; it is free."""
        taken = f"there is a job {folder.name} in {self.home} already; choose another --job-id."
        try:
            lock = take_lock(folder)
        except BlockingIOError as error:
            raise UsageError(taken) from error
        if self._rows("WHERE job_id = ?", folder.name):
            lock.close()
            raise UsageError(taken)
        return lock

    def supervised(self, job_id: str) -> bool:
        """Whether a living process holds the job's lock."""
        try:
            lock = (self.job_folder(job_id) / "lock").open("rb")
        except FileNotFoundError:
            return False
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def adopt_job(self, job_id: str) -> JobLog | None:
        """The writer of a job whose supervisor is gone; None when it is alive or has no folder."""
        folder = self.job_folder(job_id)
        if not folder.is_dir():
            return None
        try:
            return JobLog(self._database, folder, take_lock(folder))
        except BlockingIOError:
            return None

    def forget(self, job_id: str) -> None:
        """Its records; its folder is whoever's who asks."""
        with explained(self.home), transaction(self._database) as database:
            database.execute("DELETE FROM events WHERE job_id = ?", (job_id,))
            database.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    # reading

    def jobs(self, query: JobQuery | None = None) -> list[JobRow]:
        """Newest first, unless ``query`` says otherwise."""
        clause, values = query.sql() if query else (NEWEST, ())
        return self._rows(clause, *values)

    def unfinished(self) -> list[JobRow]:
        """Jobs without a verdict: running now, or abandoned."""
        marks = ", ".join("?" * len(TERMINAL))
        return self._rows(f"WHERE status NOT IN ({marks})", *TERMINAL)

    def _rows(self, clause: str, *values: Any) -> list[JobRow]:
        columns = ", ".join(JobRow._fields)
        with explained(self.home):
            query = f"SELECT {columns} FROM jobs {clause}"  # noqa: S608 - both are ours
            found = self._database.execute(query, values)
            return list(map(JobRow._make, found))

    def find(self, name: str) -> str:
        """The JobId that ``name`` means: an id, a unique prefix of one, or ``last``."""
        if name == "last":
            latest = self._rows(f"{NEWEST} LIMIT 1")
            if not latest:
                raise NotFound(f"there is no job in {self.home} yet.")
            return latest[0].job_id
        matches = self._rows("WHERE substr(job_id, 1, ?) = ? ORDER BY job_id", len(name), name)
        ids = [row.job_id for row in matches]
        if name in ids or len(ids) == 1:
            return name if name in ids else ids[0]
        if ids:
            raise NotFound(f"{name} is the beginning of {len(ids)} jobs: {', '.join(ids[:5])}.")
        raise NotFound(f"there is no job {name} in {self.home}; `localdlc list` shows them.")

    def records(self, job_id: str, since: int = 0) -> list[Record]:
        """The job's events from ``seq`` on, logs aside, in order."""
        with explained(self.home):
            rows = self._database.execute(
                "SELECT seq, time, type, body FROM events WHERE job_id = ? AND seq >= ? "
                "ORDER BY seq",
                (job_id, since),
            ).fetchall()
        # A newer localdlc may have written events of other kinds.
        return [self._record(job_id, *row) for row in rows if row[2] in EVENT_TYPES]

    def _record(self, job_id: str, seq: int, time: str, kind: str, members: str) -> Record:
        try:
            return decoded(seq, time, job_id, kind, json.loads(members))
        except (ValueError, TypeError, AttributeError) as error:
            raise self._unreadable(job_id, f"event {seq} ({kind})", error) from error

    def view(self, job_id: str) -> JobView:
        """What the job's events come to. Raises `Unreadable` where they make no sense."""
        records = self.records(job_id)
        try:
            return fold(records)
        except ValueError as error:
            raise self._unreadable(job_id, "its story", error) from error

    def _unreadable(
        self, job_id: str, what: str, error: Exception | str, place: Path | None = None
    ) -> Unreadable:
        place = place or self.home / "jobs.db"
        return Unreadable(
            f"{what} of {job_id} in {place} cannot be read ({error}). Its logs are "
            f"in {self.job_folder(job_id) / 'logs'}; `localdlc rm {job_id}` removes the job."
        )

    def read_request(self, job_id: str) -> dict[str, Any]:
        """The request as it was stored, secrets masked."""
        return self._document(job_id, "request.json")

    def read_plan(self, job_id: str) -> dict[str, Any]:
        """The plan as it was stored, secrets masked."""
        return self._document(job_id, "plan.json")

    def _document(self, job_id: str, name: str) -> dict[str, Any]:
        folder = self.job_folder(job_id)
        error: Exception | str = "it is not there, or empty"
        document: dict[str, Any] = {}
        with explained(self.home), suppress(FileNotFoundError):
            try:
                document = json.loads((folder / name).read_bytes())
            except ValueError as damaged:
                error = damaged
        if not document:
            raise self._unreadable(job_id, name, error, folder)
        return document

    def write_trace(self, job_id: str, trace: dict[str, Any]) -> Path:
        """``trace.json`` beside the job; returns where it is."""
        file = self.job_folder(job_id) / "trace.json"
        with explained(self.home):
            file.touch(mode=0o600)
            file.write_text(json.dumps(trace))
        return file

    def log_files(self, job_id: str) -> dict[str, list[Path]]:
        """PodId to its log files, attempt by attempt.

        In the order of the plan; a container beside a replica, ``<PodId>.<name>``, comes after it.
        """
        found: dict[str, list[Path]] = {}
        for path in (self.job_folder(job_id) / "logs").glob("*.log"):
            found.setdefault(pod_of(path), []).append(path)
        order = {replica["pod_id"]: n for n, replica in enumerate(self._replicas(job_id))}
        pods = sorted(found, key=lambda pod: (order.get(pod.partition(".")[0], len(order)), pod))
        return {pod: sorted(found[pod], key=attempt_of) for pod in pods}

    def _replicas(self, job_id: str) -> list[dict[str, Any]]:
        """Those of the plan; none where a kill at the wrong moment has left no plan."""
        with suppress(FileNotFoundError, ValueError):
            plan = json.loads((self.job_folder(job_id) / "plan.json").read_text())
            return list(plan["replicas"])
        return []


def take_lock(folder: Path) -> BinaryIO:
    """Opens and locks; raises BlockingIOError when somebody else holds it."""
    lock = (folder / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise
    return lock
