"""The job's own files: written as planned, with keys that are made once a job and go with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from localdlc.plan.files import File
from localdlc.record.masking import Mask
from localdlc.stage.files import FilesTask, discard_files
from localdlc.stage.shared import SharedTask

KEY = File("/etc/mpi/key", made="ssh-key")
PUBLIC = File("/etc/mpi/known_hosts", "j-* {}", made="ssh-public-key")
MUNGE = File("/etc/slurm/munge.key", made="munge-key")
PLAIN = File("/etc/a b/c", "x {} y\n", 0o555)


def staged(job: Path, *files: tuple[str, File]) -> tuple[FilesTask, set[str]]:
    learnt: set[str] = set()
    task = FilesTask(job, files, learnt.update)
    task(print)
    return task, learnt


def test_a_file_is_written_as_it_is_planned(tmp_path: Path) -> None:
    staged(tmp_path, ("pod-0", PLAIN), ("pod-1", PLAIN))
    for pod in ("pod-0", "pod-1"):
        path = tmp_path / "files" / pod / "etc/a b/c"
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("x {} y\n", 0o555)


def test_all_replicas_have_the_same_keys(tmp_path: Path) -> None:
    staged(tmp_path, *((pod, file) for pod in ("a", "b") for file in (KEY, PUBLIC, MUNGE)))
    for file in (KEY, PUBLIC, MUNGE):
        one, other = ((tmp_path / f"files/{pod}{file.path}").read_text() for pod in ("a", "b"))
        assert one == other


def test_the_two_keys_of_ssh_belong_together(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen on this machine")
    staged(tmp_path, ("a", KEY), ("b", PUBLIC))
    private = tmp_path / "files/a/etc/mpi/key"
    private.chmod(0o600)
    told = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, check=True)
    public = (tmp_path / "files/b/etc/mpi/known_hosts").read_text()
    assert public == f"j-* {told.stdout.decode()}"


def test_a_job_that_is_left_before_they_are_written_has_none(tmp_path: Path) -> None:
    """Left in the middle, as by a Ctrl-C: what learns of the keys hears of them before."""
    task = FilesTask(tmp_path, [("a", KEY), ("a", PLAIN)], lambda _: task.leave())
    task(print)
    assert list(tmp_path.iterdir()) == []


def test_shared_folders_are_not_made_for_a_job_that_is_left(tmp_path: Path) -> None:
    task = SharedTask(tmp_path, [tmp_path / "shared" / "a"])
    task(print)
    assert (tmp_path / "shared" / "a").is_dir()
    task.leave()
    task(print)
    assert list(tmp_path.iterdir()) == []


def test_no_two_jobs_share_a_key(tmp_path: Path) -> None:
    files = (("a", KEY), ("a", MUNGE))
    _, first = staged(tmp_path / "one", *files)
    _, second = staged(tmp_path / "other", *files)
    assert len(first) == len(second) == 2
    assert not first & second


def test_a_printed_key_is_masked_and_its_last_line_is_kept(tmp_path: Path) -> None:
    _, learnt = staged(tmp_path, ("a", KEY), ("a", MUNGE))
    for file in (KEY, MUNGE):
        data = (tmp_path / f"files/a{file.path}").read_bytes()
        assert set(Mask(learnt).data(data).removesuffix(b"\n").split(b"\n")) == {b"***"}
        assert Mask(learnt).data(data).endswith(b"\n") == data.endswith(b"\n")
        assert all(Mask(learnt).data(line) == b"***" for line in data.splitlines())


def test_nothing_is_left(tmp_path: Path) -> None:
    task, _ = staged(tmp_path, ("a", KEY))
    task.leave()
    task.leave()
    discard_files(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_job_without_files_makes_no_folder_and_no_key(tmp_path: Path) -> None:
    _, learnt = staged(tmp_path)
    assert not learnt
    assert list(tmp_path.iterdir()) == []
