"""Code from a real git server: what is asked of it, what is kept, and that no token gets out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from git_server import GitServer, commit, git, new_repository, serving

from localdlc.errors import InputError
from localdlc.plan.model import Checkout, Input
from localdlc.record.events import Event, InputStaged, Note
from localdlc.stage.code import code_task

USER, TOKEN = "ann", "s3cret-t0ken-42"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """``project``, with one commit on main."""
    return new_repository(tmp_path / "served" / "project", say_sh="first\n")


@pytest.fixture
def server(tmp_path: Path, repository: Path) -> Iterator[GitServer]:
    with serving(tmp_path / "served", (USER, TOKEN)) as served:
        yield served


class Jobs:
    """Brings code as one job after another would."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.count = 0
        self.checkout = Checkout(
            url, "main", None, "", USER, TOKEN, str(folder / "home" / "cache" / "code")
        )

    def next(self, **members: object) -> Checkout:
        self.count += 1
        folder = self.folder / "home" / "jobs" / f"dlc{self.count}" / "code"
        folder.parent.mkdir(parents=True)
        return replace(self.checkout, folder=str(folder), **members)  # type: ignore[arg-type]

    def __call__(self, **members: object) -> tuple[Path, list[Event]]:
        checkout = self.next(**members)
        events: list[Event] = []
        task_of(checkout)(events.append)
        return Path(checkout.folder), events

    @property
    def clones(self) -> list[str]:
        return sorted(p.name for p in Path(self.checkout.cache).iterdir() if p.is_dir())


def task_of(checkout: Checkout) -> Callable[[Callable[[Event], None]], None]:
    uri = checkout.repository
    return code_task(Input("code", uri, "/c", False, source=checkout.folder, checkout=checkout))


@pytest.fixture
def jobs(tmp_path: Path, server: GitServer) -> Jobs:
    return Jobs(tmp_path, server.url_of("project"))


def staged(events: list[Event]) -> InputStaged:
    (one,) = [event for event in events if isinstance(event, InputStaged)]
    return one


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
    assert "cannot clone http://127.0.0.1" in str(error.value)
    assert "--offline runs what was fetched before" in str(error.value)


# logging in


@pytest.mark.parametrize(
    ("user", "token"), [(USER, "wr0ng-t0ken"), ("bob", TOKEN), (None, None), (USER, None)]
)
def test_a_wrong_login_is_an_error_without_the_token(
    jobs: Jobs, server: GitServer, user: str | None, token: str | None
) -> None:
    with pytest.raises(InputError) as error:
        jobs(user=user, token=token)
    assert jobs.checkout.repository in str(error.value)
    assert "Is the token right" in str(error.value)
    assert TOKEN not in str(error.value)
    assert "wr0ng" not in str(error.value)
    assert jobs.clones == []
    assert server.packs == 0


def test_a_token_goes_by_any_name(jobs: Jobs, server: GitServer) -> None:
    server.login = ("git", "p@ss w:rd/42%")
    jobs(user=None, token="p@ss w:rd/42%")
    assert set(server.logins) == {"git:p@ss w:rd/42%"}


def test_the_users_own_helpers_neither_hear_nor_keep_the_token(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_ASKPASS", f"tee -a {heard}")
    (tmp_path / ".gitconfig").write_text(
        f'[credential]\n\thelper = store\n\thelper = "!cat >> {heard}; :"\n'
    )
    jobs()
    assert not heard.exists()
    assert not (tmp_path / ".git-credentials").exists()


def test_a_user_without_a_token_is_told_to_the_users_own_helpers(
    jobs: Jobs, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f'[credential]\n\thelper = "!echo password={TOKEN}; :"\n')
    jobs(token=None)
    assert set(server.logins) == {f"{USER}:{TOKEN}"}


def everything_below(folder: Path) -> bytes:
    return b"\n".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


def everything_that_runs() -> bytes:
    """Arguments and environments of all processes but this one."""
    told = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            for name in ("cmdline", "environ"):
                try:
                    told.append((process / name).read_bytes())
                except OSError:
                    continue
    return b"\n".join(told)


def test_the_token_is_on_no_disk_and_in_no_process_list(jobs: Jobs, server: GitServer) -> None:
    server.gate.clear()
    worker = Thread(target=jobs)
    worker.start()
    assert server.stuck.wait(30)
    running = everything_that_runs()
    server.gate.set()
    worker.join(30)
    assert b"git-remote-http" in running, "git was at work when we looked"
    assert TOKEN.encode() not in running
    jobs()
    assert f"{USER}:{TOKEN}" in server.logins
    assert TOKEN.encode() not in everything_below(jobs.folder)


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


# killed, and side by side

BRING = """
import sys, json
from localdlc.plan.model import Checkout, Input
from localdlc.stage.code import code_task
checkout = Checkout(**json.load(sys.stdin))
code_task(Input("code", "uri", "/c", False, checkout=checkout))(print)
"""


def in_another_process(
    checkout: Checkout, output: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    members = {name: getattr(checkout, name) for name in Checkout.__slots__}
    process = subprocess.Popen(
        [sys.executable, "-c", BRING],
        stdin=subprocess.PIPE,
        stdout=output,
        text=True,
    )
    assert process.stdin
    with process.stdin:
        process.stdin.write(json.dumps(members))
    return process


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
            if "waiting for another job" in line:
                assert server.stuck.wait(30)
                server.gate.set()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert told.count("cached=False") == told.count("cached=True") == 1
    assert len(jobs.clones) == 1


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
