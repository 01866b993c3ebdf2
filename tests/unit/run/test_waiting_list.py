"""Who waits for a machine, told among processes by a folder."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from localdlc.errors import HomeError
from localdlc.run import bell as bell_module
from localdlc.run.bell import Bell
from localdlc.run.waiting_list import Entry, WaitingList, folder_of

PATIENCE = 20.0
# Joins the list that it is told, says so, and stays until it is killed or its input ends.
GUEST = """
import sys
from pathlib import Path
from localdlc.run.waiting_list import Entry, WaitingList
listed = WaitingList(Path(sys.argv[1]))
with listed.alone():
    place = listed.join(Entry(sys.argv[2], "/home/ann", "digest"))
print("in", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def listed(tmp_path: Path) -> WaitingList:
    return WaitingList(tmp_path / "queue")


def entry(job_id: str, **members: object) -> Entry:
    return Entry(job_id, "/home/bo", "digest", **members)  # type: ignore[arg-type]


def names(listed: WaitingList) -> list[tuple[int, str]]:
    with listed.alone():
        return [(entry.ticket, entry.job_id) for entry in listed.entries()]


@contextmanager
def guest(listed: WaitingList, job_id: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is in the list."""
    with subprocess.Popen(
        [sys.executable, "-c", GUEST, str(listed.folder), job_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"in\n"
        yield process
        process.kill()


def test_everybody_sees_everybody_in_the_order_in_which_they_came(listed: WaitingList) -> None:
    again = WaitingList(listed.folder)
    with listed.alone():
        first = listed.join(entry("dlca", priority=3, usable=("GPU-0",), count=1))
    with again.alone():
        again.join(entry("dlcb"))
        assert [e.job_id for e in again.entries()] == ["dlca", "dlcb"]
        assert (
            again.entries()[0]
            == first.entry
            == entry("dlca", priority=3, usable=("GPU-0",), count=1, ticket=1)
        )


def test_what_an_entry_says_can_change_and_leaves_with_it(listed: WaitingList) -> None:
    with listed.alone():
        place = listed.join(entry("dlca", usable=("GPU-0", "GPU-1")))
        place.tell(entry("dlca", admitted=True, gpus=("GPU-1",), ticket=1))
        (found,) = listed.entries()
    assert (found.admitted, found.gpus, found.usable) == (True, ("GPU-1",), ())
    place.leave()
    assert not listed.folder.exists()
    place.leave()
    place.tell(found)
    assert names(listed) == []


def test_the_last_one_out_takes_the_folder_away(listed: WaitingList) -> None:
    with listed.alone():
        first, second = listed.join(entry("dlca")), listed.join(entry("dlcb"))
    first.leave()
    assert names(listed) == [(2, "dlcb")]
    second.leave()
    assert not listed.folder.exists()
    assert not list(listed.folder.parent.iterdir())


def test_a_killed_process_is_in_the_list_no_more(listed: WaitingList) -> None:
    with guest(listed, "dlca") as process:
        assert names(listed) == [(1, "dlca")]
        process.kill()
        process.wait(PATIENCE)
        assert names(listed) == []
        assert [path.name for path in listed.folder.iterdir()] == ["README"]


def test_nobody_looks_while_another_decides(listed: WaitingList) -> None:
    said: list[str] = []

    def look() -> None:
        with WaitingList(listed.folder).alone():
            said.append("second")

    with listed.alone():
        other = Thread(target=look)
        other.start()
        other.join(0.2)
        said.append("first")
    other.join(PATIENCE)
    assert said == ["first", "second"]


def test_a_lock_is_not_had_in_a_folder_that_has_been_taken_away(listed: WaitingList) -> None:
    """Who waited for the lock of the old folder looks again, and is alone in the new one."""
    with listed.alone():
        place = listed.join(entry("dlca"))
        other = Thread(target=lambda: said.append(names(WaitingList(listed.folder))))
        said: list[object] = []
        other.start()
        place.leave()  # cannot take the folder: somebody is in it
        (listed.folder / "README").unlink()
        listed.folder.rmdir()
    other.join(PATIENCE)
    assert said == [[]]
    assert listed.folder.exists()


def test_all_users_may_come(listed: WaitingList) -> None:
    before = os.umask(0o077)
    try:
        with listed.alone():
            listed.join(entry("dlca"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(listed.folder.stat().st_mode) == 0o1777
    assert stat.S_IMODE((listed.folder / "1").stat().st_mode) == 0o644


STRANGE: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda path: path.write_text("{"),
    "no entry": lambda path: path.write_text('{"ticket": 1}'),
    "no object": lambda path: path.write_text("[1]"),
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_others_leave_there_does_no_harm(listed: WaitingList, kind: str) -> None:
    with listed.alone():
        STRANGE[kind](listed.folder / "7")
        listed.join(entry("dlca"))
        assert [e.job_id for e in listed.entries()] == ["dlca"]


def test_an_entry_shows_nothing_that_moves_a_terminal(listed: WaitingList) -> None:
    with listed.alone():
        listed.join(Entry("dlca", "/home/\x1b[2J", "digest", gpus=("GPU-\x07",)))
        (found,) = listed.entries()
    assert (found.home, found.gpus) == ("/home/?[2J", ("GPU-?",))


def test_a_newer_version_may_say_more(listed: WaitingList) -> None:
    with listed.alone():
        place = listed.join(entry("dlca"))
        path = listed.folder / "1"
        path.write_text(path.read_text().replace("{", '{"mood": "good", ', 1))
        assert [e.job_id for e in listed.entries()] == ["dlca"]
    place.leave()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "queue").symlink_to(tmp_path)
    with pytest.raises(HomeError, match="jobs that wait for this machine cannot be kept in"):
        names(WaitingList(tmp_path / "queue"))


def test_engines_of_this_machine_have_one_list() -> None:
    here = folder_of("unix:///var/run/docker.sock")
    assert folder_of("unix:///run/user/1000/docker.sock") == here
    assert folder_of("tcp://127.0.0.1:2375") == here
    assert folder_of("tcp://gpu.example:2376") not in {here, folder_of("tcp://b.example:2376")}
    assert folder_of("tcp://gpu.example:2376") == folder_of("tcp://gpu.example:2376")


# the bell


@pytest.fixture
def bell(listed: WaitingList) -> Iterator[Bell]:
    made = Bell()
    with listed.alone():
        made.watch(listed.folder)
    yield made
    made.close()


def test_it_rings_when_somebody_comes_says_something_and_goes(
    bell: Bell, listed: WaitingList
) -> None:
    assert not bell.wait(0)
    with listed.alone():
        place = listed.join(entry("dlca"))
    assert bell.wait(PATIENCE)
    assert not bell.wait(0)
    place.tell(entry("dlca", admitted=True, ticket=1))
    assert bell.wait(PATIENCE)
    place.leave()
    assert bell.wait(PATIENCE)


def test_it_rings_when_somebody_is_killed(bell: Bell, listed: WaitingList) -> None:
    with guest(listed, "dlca") as process:
        assert bell.wait(PATIENCE)
        while bell.wait(0):
            pass
        process.kill()
        assert bell.wait(PATIENCE)


def test_looking_rings_no_bell(bell: Bell, listed: WaitingList) -> None:
    with listed.alone():
        listed.join(entry("dlca"))
    while bell.wait(0):
        pass
    assert names(WaitingList(listed.folder)) == [(1, "dlca")]
    assert not bell.wait(0)


def test_anybody_may_ring_also_when_nobody_listens_any_more(bell: Bell) -> None:
    ringing = Thread(target=bell.ring)
    ringing.start()
    assert bell.wait(PATIENCE)
    ringing.join(PATIENCE)
    bell.close()
    bell.ring()
    bell.close()


def test_without_a_watch_left_it_rings_now_and_then(
    listed: WaitingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell_module, "DEAF", 0.01)
    deaf = Bell()
    deaf.watch(listed.folder / "not there")
    assert deaf.wait(PATIENCE)
    assert not deaf.wait(0)
    deaf.ring()
    assert deaf.wait(0)
    deaf.close()


NOBODY = 65534


@contextmanager
def guest_of_another_user(listed: WaitingList) -> Iterator[int]:
    """A process of somebody who may do nothing, in the list until it is killed."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with listed.alone():
                place = listed.join(entry("dlcn"))
                os.write(told, f"{[e.job_id for e in listed.entries()]}".encode())
            signal.pause()
            place.leave()
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(heard, 1000) == b"['dlca', 'dlcn']"
    os.close(heard)
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_users_see_each_other() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        listed = WaitingList(Path(folder) / "queue")
        with listed.alone():
            place = listed.join(entry("dlca"))
        with guest_of_another_user(listed):
            assert names(listed) == [(1, "dlca"), (2, "dlcn")]
        assert names(listed) == [(1, "dlca")]
        place.leave()
