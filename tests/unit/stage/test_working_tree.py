"""A job's working tree goes with the job, unless the job has written into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from localdlc.stage.working_tree import discard, remember


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "train.py").write_text("print(1)\n")
    remember(folder)
    return folder


def test_an_untouched_tree_goes_without_a_trace(tree: Path) -> None:
    assert discard(tree) is None
    assert list(tree.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["out/model.bin", ".hidden", "train.py"])
def test_what_the_job_wrote_stays(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("weights and more\n")
    assert discard(tree) == tree
    assert discard(tree) == tree, "a later sweep leaves it alone, too"


def test_a_file_that_the_job_removed_is_a_change(tree: Path) -> None:
    (tree / "train.py").unlink()
    assert discard(tree) == tree


@pytest.mark.parametrize("name", ["__pycache__/train.cpython-311.pyc", ".git/config"])
def test_caches_and_gits_own_files_do_not_count(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("anything")
    assert discard(tree) is None


def test_a_checkout_that_was_never_finished_goes(tmp_path: Path) -> None:
    (tmp_path / "code" / ".git").mkdir(parents=True)
    (tmp_path / "code" / "half").write_text("")
    assert discard(tmp_path / "code") is None
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_none_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert discard(tmp_path / "code") is None
