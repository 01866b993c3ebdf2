"""What a container's root writes into a user's folders belongs to the user afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from engines import CommandLine, job
from oss import OssServer

import localdlc as package

pytestmark = pytest.mark.engine

JOB = "dlcowners"
NAME = "localdlc-test"


@pytest.fixture(scope="module")
def user() -> Iterator[pwd.struct_passwd]:
    """A user who is not root and may use the engine; made, and removed, where root tests."""
    if os.getuid():
        yield pwd.getpwuid(os.getuid())
        return
    made = ["useradd", "--no-create-home", "--groups", "docker", NAME]
    told = subprocess.run(made, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip(f"no user can be made: {told.stderr}")
    yield pwd.getpwnam(NAME)
    subprocess.run(["userdel", NAME], check=True, capture_output=True)


@pytest.fixture
def folder(user: pwd.struct_passwd) -> Iterator[Path]:
    """The user's own. pytest's folders are closed to others than who tests."""
    made = Path(tempfile.mkdtemp(prefix="localdlc-owners-"))
    os.chown(made, user.pw_uid, user.pw_gid)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def as_user(
    user: pwd.struct_passwd, folder: Path, docker_client: docker.APIClient
) -> Iterator[CommandLine]:
    line = CommandLine(folder / "home", folder, python_of(user))
    yield line
    line.close()
    found = docker_client.containers(all=True, filters={"name": JOB})
    assert [container["Names"] for container in found] == []


def python_of(user: pwd.struct_passwd) -> tuple[str, ...]:
    """A Python that the user can start, and that finds what is installed here."""
    if not os.getuid():
        paths = (Path(package.__file__).parents[1], sysconfig.get_paths()["purelib"])
        path = f"PYTHONPATH={os.pathsep.join(map(str, paths))}"
        ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups")
        # setpriv becomes the program; runuser would be its parent, and be killed in its place.
        becoming = ("setpriv", *ids, "env", path, f"HOME=/nowhere/{NAME}")
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
            as_user = (*becoming, python, "-S")  # without the packages of that Python's own
            tried = [*as_user, "-c", "import localdlc.cli, pydantic, docker, ossfs"]
            if not subprocess.run(tried, capture_output=True, check=False).returncode:
                return as_user
        pytest.skip(f"{user.pw_name} has no Python that finds localdlc")
    return (sys.executable,)


def owned(folder: Path, user: pwd.struct_passwd) -> dict[str, bool]:
    """Everything below, and whether it is the user's. Only root sees all."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.lstat().st_uid == user.pw_uid for path in found}


def made_by(user: pwd.struct_passwd, *folders: Path) -> None:
    for path in folders:
        path.mkdir()
        os.chown(path, user.pw_uid, user.pw_gid)


WRITES = (
    "cd /mnt/data; umask 077; mkdir -p new/deep closed; echo x > new/deep/file; echo x > closed/y;"
    " echo x > 'a name'; chmod 640 'a name'; ln -s /etc/passwd link; echo more >> mine"
)
WROTE = {"a name", "closed", "closed/y", "link", "mine", "new", "new/deep", "new/deep/file"}
LAYER = {"0", *(f"0/{name}" for name in WROTE)}


def test_files_in_a_mapped_folder_are_the_users(
    as_user: CommandLine, user: pwd.struct_passwd, folder: Path
) -> None:
    data = folder / "data"
    made_by(user, data)
    (data / "mine").touch()
    os.chown(data / "mine", user.pw_uid, user.pw_gid)
    request = job(WRITES, DataSources=[{"Uri": data.as_uri(), "MountPath": "/mnt/data"}])
    done = as_user.run(request, "--job-id", JOB)
    assert done.code == 0, done.err
    assert owned(data, user) == dict.fromkeys(sorted(WROTE), True)
    assert (data / "a name").stat().st_mode & 0o777 == 0o640
    assert (data / "closed").stat().st_mode & 0o777 == 0o700
    assert Path("/etc/passwd").stat().st_uid == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root has files of others in a user's folder")
def test_what_was_somebody_elses_before_stays_so(
    as_user: CommandLine, user: pwd.struct_passwd, folder: Path
) -> None:
    data = folder / "data"
    made_by(user, data)
    (data / "roots").mkdir(mode=0o700)
    for name in ("theirs", "moved", "roots/secret"):
        (data / name).write_text("x")
    os.chown(data / "moved", 4321, 4321)
    command = (
        "cd /mnt/data; echo more >> theirs; mv moved new; ln theirs another; echo x > roots/added"
    )
    request = job(command, DataSources=[{"Uri": data.as_uri(), "MountPath": "/mnt/data"}])
    assert as_user.run(request, "--job-id", JOB).code == 0
    assert (data / "new").stat().st_uid == 4321
    assert {name: (data / name).stat().st_uid for name in ("theirs", "another")} == {
        "theirs": 0,
        "another": 0,
    }
    assert not any(owned(data / "roots", user).values())
    assert (data / "theirs").stat().st_mode & 0o777 == 0o644


def test_a_read_only_folder_and_one_of_another_user_are_left_alone(
    as_user: CommandLine, user: pwd.struct_passwd, folder: Path
) -> None:
    shared, data = folder / "shared", folder / "data"
    made_by(user, shared, data)
    if not os.getuid():
        os.chown(shared, 4321, 4321)
    sources = [
        {"Uri": shared.as_uri(), "MountPath": "/mnt/shared"},
        {"Uri": data.as_uri(), "MountPath": "/mnt/data", "MountAccess": "RO"},
    ]
    done = as_user.run(job("touch /mnt/shared/x", DataSources=sources), "--job-id", JOB)
    assert done.code == 0, done.err
    assert (shared / "x").stat().st_uid == (0 if not os.getuid() else user.pw_uid)


def test_a_layer_is_the_users_and_nothing_of_the_kernels_is_left(
    as_user: CommandLine, user: pwd.struct_passwd
) -> None:
    with OssServer() as oss:
        oss.bucket("data").put("set/mine", b"x\n")
        oss.bucket("data").put("set/gone", b"x\n")
        request = job(f"{WRITES}; rm gone", DataSources=[{"Uri": "oss://data/set/"}])
        keys = {"OSS_ACCESS_KEY_ID": oss.account.key, "OSS_ENDPOINT": oss.endpoint}
        keys["OSS_ACCESS_KEY_SECRET"] = oss.account.secret
        done = as_user.run(request, "--job-id", JOB, **keys)
    assert done.code == 0, done.err
    layers = as_user.home / "jobs" / JOB / "layers"
    assert owned(layers, user) == dict.fromkeys(
        ["0", *(f"0/{name}" for name in sorted(WROTE))], True
    )
    assert "deleted 1 file" in done.err


def test_a_user_is_told_what_a_folder_that_was_made_anew_hides(
    as_user: CommandLine, user: pwd.struct_passwd
) -> None:
    with OssServer() as oss:
        oss.bucket("data").put("set/old/one", b"x\n")
        oss.bucket("data").put("set/old/two", b"x\n")
        command = "cd /mnt/data; rm -r old; mkdir old; echo y > old/two; ls old"
        request = job(command, DataSources=[{"Uri": "oss://data/set/"}])
        keys = {"OSS_ACCESS_KEY_ID": oss.account.key, "OSS_ENDPOINT": oss.endpoint}
        keys["OSS_ACCESS_KEY_SECRET"] = oss.account.secret
        done = as_user.run(request, "--job-id", JOB, **keys)
    assert done.lines == ["master-0 | two"]
    assert "the job deleted 1 file of its view of oss://data/set/: old/one" in done.err
    assert owned(as_user.home / "jobs" / JOB / "layers", user).keys() == {
        *("0", "0/old", "0/old/two")
    }


def test_code_is_the_users(as_user: CommandLine, user: pwd.struct_passwd, folder: Path) -> None:
    code = folder / "project"
    made_by(user, code)
    request = job("cd /root/code/project; mkdir out; echo x > out/y")
    done = as_user.run(request, "--job-id", JOB, "--code-dir", str(code))
    assert done.code == 0, done.err
    assert owned(code, user) == {"out": True, "out/y": True}


def test_what_a_killed_run_left_is_the_users_too(
    as_user: CommandLine, user: pwd.struct_passwd
) -> None:
    with OssServer() as oss:
        oss.bucket("data").put("set/mine", b"x\n")
        command = f"{WRITES}; echo up; sleep 60"
        request = job(command, DataSources=[{"Uri": "oss://data/set/"}])
        keys = {"OSS_ACCESS_KEY_ID": oss.account.key, "OSS_ENDPOINT": oss.endpoint}
        keys["OSS_ACCESS_KEY_SECRET"] = oss.account.secret
        going = as_user.start_job(request, "--job-id", JOB, **keys).wait_for("| up")
    going.process.kill()
    going.finish()
    # Nobody can carry on with it, as if it had been one of another version.
    (as_user.home / "jobs" / JOB / "inheritance").write_bytes(b"unreadable")
    assert "removed volume" in as_user("gc").text
    layers = as_user.home / "jobs" / JOB / "layers"
    assert owned(layers, user) == dict.fromkeys(
        ["0", *(f"0/{name}" for name in sorted(WROTE))], True
    )
