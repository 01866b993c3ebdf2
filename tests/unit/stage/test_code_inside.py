"""What a repository holds beside its own files: submodules, and files of Git LFS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from code_jobs import TOKEN, Jobs, everything_below
from git_server import GitServer, commit, git, new_repository, serving

from localdlc.errors import InputError
from localdlc.record.events import Note

pytestmark = pytest.mark.servers

# submodules


def test_a_private_submodule_and_its_own_come_out_of_the_cache(
    jobs: Jobs, server: GitServer, repository: Path, tmp_path: Path
) -> None:
    for name in ("deep", "inner"):
        new_repository(tmp_path / "served" / name, say_sh=f"{name}\n")
    allowed = ("-c", "protocol.file.allow=always")
    add = (*allowed, "submodule", "--quiet", "add")
    git(tmp_path / "served" / "inner", *add, "../deep", "deep")
    commit(tmp_path / "served" / "inner")
    git(repository, *add, "../inner", "libs/inner")
    pinned = commit(repository)
    assert "url = ../inner" in (repository / ".gitmodules").read_text()
    tree, _ = jobs(commit=pinned)
    assert (tree / "libs/inner/deep/say.sh").read_text() == "deep\n"
    assert len(jobs.clones) == 3
    server.requests.clear()
    again, _ = jobs(commit=pinned)
    assert (again / "libs/inner/say.sh").read_text() == "inner\n"
    assert server.requests == []
    assert git(again / "libs/inner", "remote", "get-url", "origin") == server.url_of("inner")
    assert TOKEN.encode() not in everything_below(jobs.folder)


def test_a_submodule_elsewhere_does_not_get_the_token(
    jobs: Jobs, repository: Path, tmp_path: Path
) -> None:
    new_repository(tmp_path / "other" / "public", say_sh="public\n")
    with serving(tmp_path / "other") as other, serving(tmp_path / "other", ("x", "y")) as nosy:
        for server in (other, nosy):
            name = "open" if server is other else "nosy"
            (repository / ".gitmodules").write_text("")
            url = other.url_of("public")
            git(repository, "submodule", "--quiet", "add", "--force", url, name)
            git(repository, "config", "-f", ".gitmodules", f"submodule.{name}.url",
                server.url_of("public"))  # fmt: skip
            commit(repository)
            if server is other:
                assert (jobs()[0] / "open/say.sh").read_text() == "public\n"
            else:
                with pytest.raises(InputError, match=nosy.url_of("public")):
                    jobs()
            git(repository, "rm", "-qf", name)
        assert other.logins == nosy.logins == []


def test_a_submodule_from_elsewhere_may_not_be_a_folder_here(
    jobs: Jobs, repository: Path, tmp_path: Path
) -> None:
    private = new_repository(tmp_path / "private", say_sh="private\n")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
        str(private), "inner")  # fmt: skip
    commit(repository)
    with pytest.raises(InputError, match="a folder of this machine"):
        jobs()


# Git LFS


def with_lfs(repository: Path) -> None:
    """A commit as git-lfs makes it: a pointer, and its content in git-lfs' own store."""
    git(repository, "lfs", "install", "--local")
    commit(repository, _gitattributes="*.bin filter=lfs diff=lfs merge=lfs -text\n")
    commit(repository, model_bin=b"weights" * 100)


needs_lfs = pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed")


@needs_lfs
def test_files_of_git_lfs_of_a_local_repository_are_there(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "project", say_sh="first\n")
    with_lfs(repository)
    jobs = Jobs(tmp_path, str(repository))
    tree, _ = jobs(token=None)
    assert (tree / "model.bin").read_bytes() == b"weights" * 100


@needs_lfs
def test_files_of_git_lfs_are_fetched_once_and_with_the_login(
    jobs: Jobs, server: GitServer, repository: Path
) -> None:
    with_lfs(repository)
    pinned = git(repository, "rev-parse", "HEAD")
    tree, _ = jobs(commit=pinned)
    assert (tree / "model.bin").read_bytes() == b"weights" * 100
    assert ("POST", "/project.git/info/lfs/objects/batch") in server.requests
    server.requests.clear()
    for members in ({}, {"offline": True}):
        tree, _ = jobs(commit=pinned, **members)
        assert (tree / "model.bin").read_bytes() == b"weights" * 100
    assert server.requests == []
    assert TOKEN.encode() not in everything_below(jobs.folder)


@needs_lfs
def test_files_of_git_lfs_that_are_missing_offline_are_named(
    jobs: Jobs, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_lfs(repository)
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    jobs()
    monkeypatch.delenv("GIT_LFS_SKIP_SMUDGE")
    with pytest.raises(InputError, match=r"\(model.bin\) are not in the cache"):
        jobs(offline=True)


def pointers(repository: Path) -> None:
    """The pointer alone, made without git-lfs."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 7\n"
    commit(repository, _gitattributes="*.bin filter=lfs -text\n", model_bin=text)


def test_without_git_lfs_it_is_told_what_to_install(
    jobs: Jobs, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointers(repository)
    only_git = tmp_path / "bin"
    only_git.mkdir()
    (only_git / "git").symlink_to(shutil.which("git") or "")
    for name in ("sh", "cat", "sed", "basename", "dirname", "uname"):
        (only_git / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(only_git))
    with pytest.raises(InputError, match=r"\(model.bin\), and git-lfs is not installed"):
        jobs()
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    tree, events = jobs()
    assert "oid sha256" in (tree / "model.bin").read_text()
    assert any("pointers only" in e.text for e in events if isinstance(e, Note))
