"""Code is where the request wants it, at the right revision, and no token is in the replicas."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from engines import CommandLine, job
from git_server import commit, git, new_repository, serving

pytestmark = pytest.mark.engine


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """main at "second" after "first", and a branch `dev` at "other"."""
    made = tmp_path / "project"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    commit(made, say_sh="echo first\n")
    git(made, "tag", "v1")
    git(made, "checkout", "-qb", "dev")
    commit(made, say_sh="echo other\n")
    git(made, "checkout", "-q", "main")
    commit(made, say_sh="echo second\n")
    return made


def register(tmp_path: Path, **members: object) -> None:
    lines = [f"{name} = {value!r}" for name, value in members.items()]
    (tmp_path / "localdlc.toml").write_text("\n".join(["[code_sources.c]", *lines]) + "\n")


def with_code(command: str, **members: str) -> dict[str, Any]:
    return job(command, CodeSource={"CodeSourceId": "c", **members})


@pytest.mark.parametrize(
    ("registered", "asked", "says"),
    [
        ({}, {}, "second"),
        ({"branch": "dev"}, {}, "other"),
        ({"commit": "v1"}, {}, "first"),
        ({"branch": "dev", "commit": "v1"}, {"Branch": "main"}, "second"),
        ({"branch": "dev"}, {"Commit": "FIRST"}, "first"),
        ({}, {"Branch": "v1"}, "first"),
    ],
)
def test_code_is_at_the_revision_that_is_asked_for(
    localdlc: CommandLine,
    tmp_path: Path,
    repository: Path,
    registered: dict[str, str],
    asked: dict[str, str],
    says: str,
) -> None:
    register(tmp_path, repository="project", **registered)
    first = git(repository, "rev-parse", "v1")
    request = with_code(
        "sh /root/code/project/say.sh", **{k: v.replace("FIRST", first) for k, v in asked.items()}
    )
    assert localdlc.run(request).lines == [f"master-0 | {says}"]


def test_clone_type_1_is_straight_in_the_mount_path(
    localdlc: CommandLine, tmp_path: Path, repository: Path
) -> None:
    register(tmp_path, repository="project", clone_type=1, mount_path="/opt/code")
    assert localdlc.run(with_code("sh /opt/code/say.sh")).lines == ["master-0 | second"]


def test_a_repository_of_another_user_is_trusted(
    localdlc: CommandLine, tmp_path: Path, repository: Path
) -> None:
    if os.getuid():
        pytest.skip("only root gives files away")
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 12345)
    register(tmp_path, repository="project")
    assert localdlc.run(with_code("sh /root/code/project/say.sh")).code == 0


@pytest.mark.parametrize(
    ("registered", "asked", "told"),
    [
        ({"repository": "nowhere"}, {}, "/nowhere' does not exist"),
        ({"repository": "project"}, {"Branch": "devel"}, "has no branch devel. Branches: dev"),
        ({"repository": "project"}, {"Branch": "x"}, "has no branch x. Branches: dev, main."),
        ({"repository": "project"}, {"Commit": "a" * 40}, f"has no commit {'a' * 40}"),
        ({"repository": "project"}, {"CodeSourceId": "d"}, "d is not registered here"),
        ({"repository": "empty"}, {}, "has no commit yet"),
        ({"repository": "http://127.0.0.1:1/x.git"}, {}, "http://127.0.0.1:1/x.git"),
    ],
    ids=["repository", "branch", "far branch", "commit", "id", "empty", "unreachable"],
)
def test_code_that_is_not_there_is_named(
    localdlc: CommandLine,
    tmp_path: Path,
    repository: Path,
    registered: dict[str, str],
    asked: dict[str, str],
    told: str,
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path / "empty"], check=True)
    register(tmp_path, **registered)
    done = localdlc.run(with_code("true", **asked))
    assert done.code == 4
    assert told in done.err
    assert "Traceback" not in done.err


WRITES = {
    "a new file": "echo x > out.txt",
    "a file that git ignores": "echo '*.pt' > .git/info/exclude; echo x > model.pt",
    "a folder given away": "echo x > out.txt; chown -R 12345 .",
    "a broken repository": "echo x > out.txt; rm -r .git",
}


@pytest.mark.keeps_files
@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
def test_what_a_job_wrote_into_its_code_stays_and_is_told(
    localdlc: CommandLine, tmp_path: Path, repository: Path, command: str
) -> None:
    register(tmp_path, repository="project")
    done = localdlc.run(with_code(f"cd /root/code/project; {command}"), "--job-id", "dlcwrote")
    kept = localdlc.home / "jobs" / "dlcwrote" / "code"
    assert f"it is kept at {kept}" in done.err
    assert "x\n" in [path.read_text() for path in kept.iterdir() if path.is_file()]


def test_pythons_caches_are_no_reason_to_keep_code(
    localdlc: CommandLine, tmp_path: Path, repository: Path
) -> None:
    commit(repository, module_py="")
    register(tmp_path, repository="project")
    request = with_code("cd /root/code/project && python3 -c 'import module' && ls")
    assert "master-0 | __pycache__" in localdlc.run(request, "--job-id", "dlccache").lines
    assert not (localdlc.home / "jobs" / "dlccache" / "code").exists()


# behind a login

TOKEN = "s3cret-t0ken-42"


@pytest.mark.parametrize("pasted", [True, False])
def test_a_repository_behind_a_login_is_cloned_once_and_its_token_is_nowhere(
    localdlc: CommandLine, tmp_path: Path, pasted: bool
) -> None:
    new_repository(tmp_path / "served" / "project", say_sh="echo first; cat .git/config; env\n")
    request = with_code("cd /root/code/project; sh say.sh; grep -rc s3cret . | grep -v :0")
    with serving(tmp_path / "served", ("ann", TOKEN)) as server:
        if pasted:
            register(tmp_path, repository=server.url_of("project", f"ann:{TOKEN}@"))
        else:
            register(tmp_path, repository=server.url_of("project"), user="ann", token=TOKEN)
        done = localdlc.run(request)
        assert "master-0 | first" in done.lines
        assert f"{server.url_of('project')}: the default branch at" in done.err
        commit(tmp_path / "served" / "project", say_sh="echo second\n")
        again = localdlc.run(request)
        assert again.lines[0] == "master-0 | second"
        assert ", fetched (" in again.err
    down = localdlc.run(request)
    assert down.code == 4
    assert "--offline runs what was fetched before" in down.err
    offline = localdlc.run(request, "--offline", "-o", "json")
    assert offline.code == 1, "grep found nothing to count"
    told = b"".join(d.out + d.err.encode() for d in (done, again, down, offline))
    assert TOKEN.encode() not in told
    kept = [path for path in localdlc.home.rglob("*") if path.is_file()]
    assert len(kept) > 20, "the cache is there"
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_a_wrong_token_is_an_error_that_does_not_show_it(
    localdlc: CommandLine, tmp_path: Path
) -> None:
    new_repository(tmp_path / "served" / "project", say_sh="echo first\n")
    with serving(tmp_path / "served", ("ann", TOKEN)) as server:
        register(tmp_path, repository=server.url_of("project"), user="ann", token="wr0ng-t0ken")
        done = localdlc.run(with_code("true"))
    assert done.code == 4
    assert "Is the token right" in done.err
    assert "wr0ng" not in done.err


# the folder as it is


def test_a_folder_runs_as_it_is_and_what_the_job_writes_is_in_it(
    localdlc: CommandLine, tmp_path: Path, repository: Path
) -> None:
    (repository / "say.sh").write_text("echo changed\n")
    (repository / "new.txt").write_text("new\n")
    register(tmp_path, repository="https://git.invalid/ml/train.git", clone_type=1)
    command = "cd /root/code; sh say.sh; cat new.txt; echo weights > model.pt"
    done = localdlc.run(
        with_code(command, Branch="dev"), "--code-dir", "project", "--job-id", "dlcdir"
    )
    assert done.lines == ["master-0 | changed", "master-0 | new"]
    assert f"{repository}: 2 file(s) differ from the commit: new.txt, say.sh." in done.err
    assert f"dev is not checked out; {repository} is used as it is" in done.err
    assert (repository / "model.pt").read_text() == "weights\n"
    assert not (localdlc.home / "jobs" / "dlcdir" / "code").exists()
    assert not (localdlc.home / "cache" / "code").exists()
    assert localdlc("gc").code == 0
    assert git(repository, "status", "--porcelain").splitlines() == [
        "M say.sh",
        "?? model.pt",
        "?? new.txt",
    ]


def test_a_registered_folder_needs_no_flag_and_no_network(
    localdlc: CommandLine, tmp_path: Path, repository: Path
) -> None:
    register(tmp_path, folder="project", mount_path="/opt")
    done = localdlc.run(with_code("sh /opt/project/say.sh"), "--offline")
    assert done.lines == ["master-0 | second"]
    missing = localdlc.run(with_code("true"), "--code-dir", "projct")
    assert missing.code == 4
    assert f"Did you mean {repository}?" in missing.err
