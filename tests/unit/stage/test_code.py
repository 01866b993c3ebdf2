"""Code from a real git server: what is checked out, and what is asked of the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from code_jobs import Jobs, everything_below, staged
from git_server import GitServer, commit, git, new_repository, serving

from localdlc.errors import InputError

pytestmark = pytest.mark.servers

# what is checked out


def test_branch_commit_and_tag_are_found(jobs: Jobs, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    git(repository, "checkout", "-qb", "feature/x")
    commit(repository, say_sh="second\n")
    wanted: list[tuple[dict[str, object], str]] = [
        ({"branch": "feature/x"}, "second\n"),
        ({"branch": "main"}, "first\n"),
        ({"branch": "v1"}, "first\n"),
        ({"branch": "feature/x", "commit": first}, "first\n"),
        ({"branch": None, "commit": first[:8]}, "first\n"),
        ({"branch": None, "commit": "v1"}, "first\n"),
        ({"branch": None}, "second\n"),
    ]
    for members, content in wanted:
        assert (jobs(**members)[0] / "say.sh").read_text() == content


def test_git_works_in_the_tree_by_itself_and_names_the_real_repository(
    jobs: Jobs, tmp_path: Path
) -> None:
    tree, _ = jobs()
    shutil.rmtree(jobs.checkout.cache)
    alone = tree.rename(tmp_path / "alone")
    assert git(alone, "log", "--format=%s") == "say_sh"
    assert git(alone, "status", "--porcelain") == ""
    assert git(alone, "remote", "get-url", "origin") == jobs.checkout.repository
    assert git(alone, "fsck", "--full") == ""


def test_a_job_cannot_write_into_the_cache_through_its_tree(jobs: Jobs) -> None:
    tree, _ = jobs()
    inodes = {p.stat().st_ino for p in tree.rglob("*") if p.is_file()}
    assert not inodes & {p.stat().st_ino for p in Path(jobs.checkout.cache).rglob("*")}


def test_a_wrong_branch_is_told_with_its_neighbours(jobs: Jobs, repository: Path) -> None:
    git(repository, "branch", "develop")
    with pytest.raises(InputError, match=r"has no branch devel\. Branches: develop\.$"):
        jobs(branch="devel")


# what is asked of the server


def test_a_branch_that_moved_is_fetched_and_one_that_went_is_gone(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    git(repository, "branch", "dev")
    assert staged(jobs()[1]).cached is False
    commit(repository, say_sh="second\n")
    git(repository, "branch", "-D", "dev")
    git(repository, "branch", "dev/below")  # in the way of the old name
    tree, events = jobs()
    assert (tree / "say.sh").read_text() == "second\n"
    assert staged(events).detail.endswith(", fetched")
    with pytest.raises(InputError, match="no branch dev"):
        jobs(branch="dev")
    assert len(jobs.clones) == 1


def test_a_branch_whose_history_was_rewritten_is_followed(jobs: Jobs, repository: Path) -> None:
    jobs()
    git(repository, "commit", "--amend", "-qm", "rewritten")
    assert git(jobs()[0], "log", "--format=%s") == "rewritten"


def test_the_default_branch_is_the_servers_present_one(jobs: Jobs, repository: Path) -> None:
    jobs(branch=None)
    git(repository, "checkout", "-qb", "trunk")
    commit(repository, say_sh="trunk\n")
    assert (jobs(branch=None)[0] / "say.sh").read_text() == "trunk\n"


@pytest.mark.parametrize("length", [40, 8])
def test_a_commit_that_is_there_asks_nobody(
    jobs: Jobs, server: GitServer, repository: Path, length: int
) -> None:
    first = git(repository, "rev-parse", "HEAD")[:length]
    jobs(commit=first)
    server.requests.clear()
    tree, events = jobs(commit=first)
    assert server.requests == []
    assert (tree / "say.sh").read_text() == "first\n"
    assert staged(events).cached is True


def test_a_commit_on_no_branch_is_asked_for_by_its_id_and_kept(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    jobs()
    lost = commit(repository, say_sh="lost\n")
    git(repository, "reset", "--hard", "-q", "HEAD~1")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    tree, _ = jobs(commit=lost)
    assert (tree / "say.sh").read_text() == "lost\n"
    clone = Path(jobs.checkout.cache, jobs.clones[0])
    git(clone, "gc", "-q", "--prune=now")
    server.requests.clear()
    assert (jobs(commit=lost)[0] / "say.sh").read_text() == "lost\n"
    assert server.requests == []


def test_offline_runs_what_was_fetched_and_says_what_was_not(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    with pytest.raises(InputError, match="has not been cloned yet, and localdlc is offline"):
        jobs(offline=True)
    jobs()
    later = commit(repository, say_sh="second\n")
    server.requests.clear()
    assert (jobs(offline=True)[0] / "say.sh").read_text() == "first\n"
    with pytest.raises(InputError, match=f"has no commit {later}. localdlc is offline"):
        jobs(offline=True, commit=later)
    with pytest.raises(InputError, match=r"no branch new. Branches: main\. localdlc is off"):
        jobs(offline=True, branch="new")
    assert server.requests == []


def test_a_server_that_is_down_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    new_repository(tmp_path / "served" / "project", say_sh="first\n")
    with serving(tmp_path / "served") as server:
        jobs = Jobs(tmp_path, server.url_of("project"))
        jobs(token=None)
    with pytest.raises(InputError) as error:
        jobs(token=None)
    assert "cannot fetch from http://127.0.0.1" in str(error.value)
    assert "--offline runs what was fetched before" in str(error.value)


def test_a_clone_that_is_no_repository_any_more_is_made_anew(jobs: Jobs) -> None:
    jobs()
    (Path(jobs.checkout.cache) / jobs.clones[0] / "HEAD").unlink()
    assert (jobs()[0] / "say.sh").read_text() == "first\n"


def test_variables_of_a_git_hook_do_not_lead_astray(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other", other_txt="other\n")
    before = everything_below(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    tree, _ = jobs()
    assert (tree / "say.sh").read_text() == "first\n"
    assert everything_below(other) == before
