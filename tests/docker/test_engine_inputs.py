"""Data and code are where the request wants them, and what cannot be brought is named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine


# data


def with_data(command: str, *sources: dict[str, str]) -> dict[str, Any]:
    return job(command, DataSources=list(sources))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data set"
    made.mkdir()
    (made / "in.txt").write_text("given\n")
    return made


def test_a_read_only_folder_cannot_be_written_a_writable_one_is_the_hosts(
    localdlc: CommandLine, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    done = localdlc.run(
        with_data(
            "cat /mnt/in/in.txt; touch /mnt/in/x || echo refused; echo made > /mnt/out/y",
            {"Uri": folder.as_uri(), "MountPath": "/mnt/in", "MountAccess": "RO"},
            {"Uri": f"file://{out}/", "MountPath": "/mnt/out/", "MountAccess": "RW"},
        ),
        "-q",
    )
    assert {line.partition(" | ")[2] for line in done.lines} == {
        "given",
        "touch: cannot touch '/mnt/in/x': Read-only file system",
        "refused",
    }
    assert (out / "y").read_text() == "made\n"
    assert not (folder / "x").exists()


def test_a_cloud_folder_is_mapped_by_a_flag_or_by_the_file(
    localdlc: CommandLine, folder: Path, tmp_path: Path
) -> None:
    uri = "oss://bucket.oss-cn-hangzhou-internal.aliyuncs.com/sets/"
    request = with_data("cat /mnt/data/in.txt", {"Uri": uri})
    assert localdlc.run(request, "--map", f"{uri}={folder}").lines == ["master-0 | given"]
    (tmp_path / "localdlc.toml").write_text(f'[map]\n"{uri}" = "data set"\n"d-1" = "data set"\n')
    assert localdlc.run(request).lines == ["master-0 | given"]
    by_id = with_data("cat /mnt/data/in.txt", {"DataSourceId": "d-1"})
    assert localdlc.run(by_id).lines == ["master-0 | given"]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("file://{}/data sets", "Did you mean {}/data set?"),
        ("file://{}/" + "x" * 300, "File name too long"),
        ("oss://bucket/nowhere/", "--map oss://bucket/nowhere/=FOLDER"),
    ],
    ids=["missing", "too long", "not mapped"],
)
def test_data_that_is_not_there_is_named(
    localdlc: CommandLine, folder: Path, uri: str, told: str
) -> None:
    uri = uri.format(folder.parent)
    done = localdlc.run(with_data("true", {"Uri": uri}))
    assert done.code == 4
    assert uri in done.err
    assert told.format(folder.parent) in done.err


# code


def git(repository: Path, *arguments: str) -> str:
    ours = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "safe.directory=*"]
    command = ["git", "-C", str(repository), *ours, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(repository: Path, content: str) -> str:
    (repository / "say.sh").write_text(f"echo {content}\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", content)
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """main at "second" after "first", and a branch `dev` at "other"."""
    made = tmp_path / "project"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    commit(made, "first")
    git(made, "tag", "v1")
    git(made, "checkout", "-qb", "dev")
    commit(made, "other")
    git(made, "checkout", "-q", "main")
    commit(made, "second")
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
    (repository / "module.py").touch()
    commit(repository, "module")
    register(tmp_path, repository="project")
    request = with_code("cd /root/code/project && python3 -c 'import module' && ls")
    assert "master-0 | __pycache__" in localdlc.run(request, "--job-id", "dlccache").lines
    assert not (localdlc.home / "jobs" / "dlccache" / "code").exists()
