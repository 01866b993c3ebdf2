"""A working tree as it is: which files differ, told without running what is written there."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_server import commit, git, new_repository

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.record.events import Event, InputStaged, Note
from localdlc.stage.code import code_task
from localdlc.stage.differences import differing
from localdlc.stage.git_process import Git
from localdlc.stage.meter import some


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = new_repository(tmp_path / "project", train_py="1\n", gone_py="1\n", same_py="1\n")
    (made / "src").mkdir()
    (made / "src" / "deep.py").write_text("1\n")
    commit(made, _gitignore="*.log\n")
    return made


def changed(tree: Path) -> list[str]:
    """Changes one file, adds a staged, a new and an ignored one, and takes one away."""
    (tree / "train.py").write_text("22\n")
    (tree / "gone.py").unlink()
    (tree / "staged.py").write_text("")
    git(tree, "add", "staged.py")
    (tree / "new folder").mkdir()
    (tree / "new folder" / "ünew.py").write_text("")
    (tree / "out.log").write_text("")
    (tree / "src" / "deep.py").write_text("22\n")
    return ["gone.py", "new folder/", "src/deep.py", "staged.py", "train.py"]


def brought(folder: Path) -> list[Event]:
    events: list[Event] = []
    source = Input("code", str(folder), "/c", False, str(folder), where="--code-dir")
    task = code_task(source)
    task(events.append)
    assert task.leave() is None
    return events


def test_what_differs_is_told_and_nothing_is_touched(tree: Path) -> None:
    names = changed(tree)
    index = (tree / ".git" / "index").read_bytes()
    note, staged = brought(tree)
    assert isinstance(note, Note)
    assert isinstance(staged, InputStaged)
    assert note.text == f"{tree}: 5 file(s) differ from the commit: {', '.join(names)}."
    assert (staged.uri, staged.detail) == (str(tree), "the folder as it is")
    assert (tree / ".git" / "index").read_bytes() == index


def test_a_tree_like_its_commit_needs_no_words(tree: Path) -> None:
    (staged,) = brought(tree)
    assert isinstance(staged, InputStaged)


def test_a_folder_below_the_top_speaks_of_itself_only(tree: Path) -> None:
    changed(tree)
    assert differing(tree / "src", Git()) == ["deep.py"]


def test_a_linked_worktree_is_compared_with_its_own_commit(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", str(tmp_path / "linked"))
    changed(tree)
    assert differing(tmp_path / "linked", Git()) == []
    (tmp_path / "linked" / "same.py").write_text("22\n")
    assert differing(tmp_path / "linked", Git()) == ["same.py"]


@pytest.mark.parametrize("committed", [True, False])
def test_a_folder_without_a_commit_is_as_good(tmp_path: Path, committed: bool) -> None:
    if not committed:
        git(tmp_path, "init", "-q")
    (staged,) = brought(tmp_path)
    assert isinstance(staged, InputStaged)
    assert staged.detail == "the folder as it is; git knows no commit of it"


@pytest.mark.parametrize("shown", [1, 5, 6, 3000])
def test_few_names_are_shown_of_many(shown: int) -> None:
    names = [f"{n}.py" for n in range(shown)]
    words = some(names)
    assert words.count(".py") == min(shown, 5)
    assert words.endswith(f"and {shown - 5:,} more") is (shown > 5)


def test_nothing_that_a_job_wrote_into_the_repository_is_run(tree: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {ran}\ncat\n")
    program.chmod(0o755)
    settings = {
        "core.fsmonitor": program,
        "core.sshCommand": program,
        "core.pager": program,
        "core.hooksPath": tmp_path / "hooks",
        "filter.evil.clean": program,
        "filter.evil.smudge": program,
        "filter.evil.process": program,
        "diff.evil.textconv": program,
        "include.path": tmp_path / "included",
    }
    for name, value in settings.items():
        git(tree, "config", name, str(value))
    (tmp_path / "included").write_text(f"[core]\n\tfsmonitor = {program}\n")
    for folder in (tmp_path / "hooks", tree / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in ("post-checkout", "post-index-change", "reference-transaction"):
            (folder / hook).write_bytes(program.read_bytes())
            (folder / hook).chmod(0o755)
    (tree / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    (tree / "train.py").write_text("22\n")
    assert differing(tree, Git()) == [".gitattributes", "train.py"]
    checkout = Checkout(str(tree), None, None, str(tmp_path / "job"), cache=str(tmp_path / "c"))
    code_task(Input("code", str(tree), "/c", False, checkout=checkout))(lambda event: None)
    assert not ran.exists()
    git(tree, "status")
    assert ran.exists(), "git itself would have run it"


def test_a_folder_that_is_not_there_is_told_with_its_neighbour(tree: Path) -> None:
    with pytest.raises(InputError, match=f"^--code-dir: there is no .* Did you mean {tree}"):
        brought(tree.with_name("projct"))
    with pytest.raises(InputError, match="is no folder"):
        brought(tree / "train.py")


def test_a_clone_of_a_local_repository_says_which_changes_it_leaves_out(
    tree: Path, tmp_path: Path
) -> None:
    changed(tree)
    events: list[Event] = []
    checkout = Checkout(str(tree), None, None, str(tmp_path / "job"), cache=str(tmp_path / "c"))
    code_task(Input("code", str(tree), "/c", False, checkout=checkout))(events.append)
    (note,) = [e.text for e in events if isinstance(e, Note)]
    assert "has uncommitted changes (" in note
    assert "--code-dir" in note
    assert (tmp_path / "job" / "train.py").read_text() == "1\n"


def test_a_folder_needs_no_git(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    note, staged = brought(tree)
    assert isinstance(note, Note)
    assert isinstance(staged, InputStaged)
    assert "git cannot say what differs" in note.text
