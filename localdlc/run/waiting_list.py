"""Who waits for this machine and who has been given what, told among all processes that run jobs.

A folder with one file for each job that is queued or was admitted, whatever its home and user. The
file is held by ``flock`` for as long as its process lives, so the entry of a killed one is void. A
lock of the folder is held by whoever looks and decides.

Files that other users have made are only read, and only ever locked through a handle for reading:
in a sticky folder Linux lets nobody open them for writing, root included (fs.protected_regular).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from localdlc.errors import HomeError

__all__ = ["Entry", "Place", "WaitingList", "folder_of"]

# Not TMPDIR, which may be another for every user.
SHARED = Path("/tmp")  # noqa: S108
LOCAL = {"localhost", "127.0.0.1", "::1"}
LARGEST = 1 << 20
ABOUT = "README"
ABOUT_IT = (
    "Jobs of localdlc that wait for this machine or hold a part of it; see docs/resources.md.\n"
)


def folder_of(address: str) -> Path:
    """Where the list is kept for an engine at ``address``.

    All engines of this machine have one list, because they have the same GPUs.
    """
    url = urlsplit(address)
    if url.scheme == "unix" or url.hostname in LOCAL:
        return SHARED / "localdlc-queue"
    return SHARED / f"localdlc-queue-{sha256(address.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A job that waits for ``count`` of the GPUs ``usable``, or, ``admitted``, holds ``gpus``.

    ``home`` is a path, ``digest`` what the labels of its containers have instead. ``cpus``
    (thousandths of a core) and ``memory`` (bytes) are what a job holds that must have exactly that.
    """

    job_id: str
    home: str
    digest: str
    priority: int = 1
    count: int = 0
    usable: tuple[str, ...] = ()
    shared: bool = False
    admitted: bool = False
    gpus: tuple[str, ...] = ()
    cpus: int = 0
    memory: int = 0
    ticket: int = 0


class WaitingList:
    """The list in ``folder``, which is made when somebody comes and goes with the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else looks, comes or is admitted meanwhile. Raises `HomeError`."""
        with explained(self.folder):
            handle = self._held()
        try:
            yield
        finally:
            let_go(handle)

    def _held(self) -> int:
        while True:
            made(self.folder)
            with suppress(FileNotFoundError):  # the last one out took it away
                handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                fcntl.flock(handle, fcntl.LOCK_EX)
                if same(handle, self.folder):
                    return handle
                let_go(handle)

    def join(self, entry: Entry) -> Place:
        """A place after all others. To be called `alone`. Raises `HomeError`."""
        with explained(self.folder):
            ticket = 1 + max(self._tickets(), default=0)
            path = self.folder / str(ticket)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(handle, 0o644)  # whatever the umask: others must be able to see who is here
            fcntl.flock(handle, fcntl.LOCK_EX)
            return Place(self, path, handle, replace(entry, ticket=ticket))

    def entries(self) -> list[Entry]:
        """All that hold, the oldest first. To be called `alone`: what is void is removed."""
        with explained(self.folder):
            found = [self._entry(ticket) for ticket in sorted(self._tickets())]
        return [entry for entry in found if entry]

    def _tickets(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]

    def _entry(self, ticket: int) -> Entry | None:
        path = self.folder / str(ticket)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # it has just left, or is no file of ours
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return read(os.read(handle, LARGEST), ticket)
        finally:
            os.close(handle)
        with suppress(OSError):  # another user's
            path.unlink()
        return None

    def tidy(self) -> None:
        """Removes the folder when nobody is in it. Never waits."""
        with suppress(OSError):
            handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if same(handle, self.folder) and not self._tickets():
                    (self.folder / ABOUT).unlink()
                    self.folder.rmdir()
            finally:
                let_go(handle)


class Place:
    """An entry of this process. It is void once the process ends, however it does."""

    def __init__(self, listed: WaitingList, path: Path, handle: int, entry: Entry) -> None:
        self.entry = entry
        self._list = listed
        self._path = path
        self._handle = handle
        self._mine = Lock()
        self.tell(entry)

    def tell(self, entry: Entry) -> None:
        """Says something else. To be called alone; of no effect once it has been left."""
        with self._mine:
            if self._handle >= 0:
                self.entry = entry
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, json.dumps(asdict(entry)).encode(), 0)

    def leave(self) -> None:
        """From any thread, and more than once."""
        with self._mine:
            if self._handle >= 0:
                with suppress(OSError):
                    self._path.unlink()
                os.close(self._handle)
            self._handle = -1
        self._list.tidy()


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeError(
            f"the list of jobs that wait for this machine cannot be kept in {folder}: {error}."
        ) from error


def made(folder: Path) -> None:
    """For all users, as /tmp is.

    It comes into being whole: nobody finds it closed, and as it is never empty none takes its place
    while somebody holds its lock.
    """
    if folder.exists():
        return
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    (fresh / ABOUT).write_text(ABOUT_IT)
    fresh.chmod(0o1777)
    try:
        fresh.rename(folder)
    except OSError:  # somebody was faster
        shutil.rmtree(fresh)


def let_go(handle: int) -> None:
    """At once, also if a child that is about to begin its own program has a copy."""
    fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def same(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def read(data: bytes, ticket: int) -> Entry | None:
    """What another process wrote, of any version and any user; None for what is no entry."""
    try:
        body = json.loads(data)
        known = {f.name: body[f.name] for f in fields(Entry) if f.name in body}
        texts = {n: printable(v) for n, v in known.items() if isinstance(v, str)}
        lists = {n: tuple(map(printable, v)) for n, v in known.items() if isinstance(v, list)}
        return Entry(**{**known, **texts, **lists, "ticket": ticket})
    except (ValueError, TypeError, AttributeError):
        return None


def printable(text: str) -> str:
    """It is shown on a terminal, and another user may have written it."""
    return "".join(char if char.isprintable() else "?" for char in text)
