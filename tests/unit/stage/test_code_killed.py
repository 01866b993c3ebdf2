"""Clones that are killed or called off, and two that are wanted at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Thread

import pytest
from code_jobs import TOKEN, Jobs, everything_below, in_another_process
from git_server import GitServer, commit, git

from localdlc.errors import InputError
from localdlc.plan.model import Input
from localdlc.stage.code import code_task

pytestmark = pytest.mark.servers


def big(repository: Path) -> None:
    """So large that half of it fills every buffer on the way."""
    commit(repository, big_bin=os.urandom(4 << 20))


def test_a_clone_that_was_killed_is_never_half_visible_and_the_next_run_makes_it(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    big(repository)
    server.gate.clear()
    process = in_another_process(jobs.next())
    assert server.stuck.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [name for name in jobs.clones if name.endswith(".git")] == []
    assert TOKEN.encode() not in everything_below(jobs.folder)
    server.gate.set()
    tree, _ = jobs()
    assert git(tree, "status", "--porcelain") == ""
    assert len([name for name in jobs.clones if name.endswith(".git")]) == 1


def test_a_fetch_that_was_killed_harms_nothing(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    jobs()
    big(repository)
    server.gate.clear()
    process = in_another_process(jobs.next())
    assert server.stuck.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (clone,) = jobs.clones
    for left in ("packed-refs.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x"):
        Path(jobs.checkout.cache, clone, left).parent.mkdir(parents=True, exist_ok=True)
        Path(jobs.checkout.cache, clone, left).write_text("")  # as a killed git leaves them
    assert (jobs(offline=True)[0] / "say.sh").read_text() == "first\n"
    server.gate.set()
    assert (jobs()[0] / "big.bin").stat().st_size == 4 << 20
    assert git(Path(jobs.checkout.cache, clone), "fsck") == ""


def test_a_clone_that_is_called_off_leaves_nothing(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    big(repository)
    server.gate.clear()
    checkout = jobs.next()
    task = code_task(Input("code", "uri", "/c", False, checkout=checkout))
    ends: list[InputError] = []

    def work() -> None:
        with pytest.raises(InputError) as error:
            task(lambda event: None)
        ends.append(error.value)

    worker = Thread(target=work)
    worker.start()
    assert server.stuck.wait(30)
    task.cancel()
    worker.join(30)
    assert len(ends) == 1
    assert jobs.clones == []
    assert not Path(checkout.folder).exists()


def test_two_jobs_at_once_clone_once(jobs: Jobs, server: GitServer, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    server.gate.clear()
    reader, writer = os.pipe()
    processes = [in_another_process(jobs.next(commit=first), writer) for _ in range(2)]
    os.close(writer)
    told = ""
    with os.fdopen(reader) as lines:
        for line in lines:
            told += line
            if "waiting for " in line:
                assert server.stuck.wait(30)
                server.gate.set()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert told.count("cached=False") == told.count("cached=True") == 1
    assert len(jobs.clones) == 1
