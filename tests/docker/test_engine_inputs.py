"""Data is where the request wants it, and what cannot be brought is named."""

from __future__ import annotations

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
        ("nas://server/nowhere/", "--map nas://server/nowhere/=FOLDER"),
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


# this machine's own


def mounting(command: str, *mounts: tuple[str, Path, str]) -> dict[str, Any]:
    """A Master and a Worker; a mount is the role's, of a folder, at a place."""
    body = job(command, {"Master": 1, "Worker": 1})
    for spec in body["JobSpecs"]:
        spec["LocalMountSpecs"] = [
            {"MountMode": "Filesystem", "LocalPath": str(path), "MountPath": target}
            for role, path, target in mounts
            if role == spec["Type"]
        ]
    return body


def test_a_local_mount_is_seen_by_its_role_alone(
    localdlc: CommandLine, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    mounts = [("Master", folder, "/mnt/local"), ("Worker", tmp_path / "other", "/mnt/local")]
    command = "ls /mnt/local; echo $RANK > /mnt/local/rank"
    assert localdlc.run(mounting(command, *mounts), "-q").lines == ["master-0 | in.txt"]
    assert (folder / "rank").read_text() == "0\n"
    assert (tmp_path / "other" / "rank").read_text() == "1\n"


def test_a_local_mount_must_be_there(localdlc: CommandLine, folder: Path) -> None:
    wanted = folder.with_name("data sett")
    done = localdlc.run(mounting("true", ("Worker", wanted, "/mnt/local")))
    assert done.code == 4
    where = "JobSpecs[1].LocalMountSpecs[0].LocalPath"
    told = f"{where}: there is no folder {wanted} on this machine. Did you mean {folder}?"
    assert told in done.err


def test_a_block_device_is_refused(localdlc: CommandLine) -> None:
    body = mounting("true")
    body["JobSpecs"][0]["LocalMountSpecs"] = [{"MountMode": "Block", "MountPath": "/dev/x"}]
    done = localdlc.run(body)
    assert done.code == 3
    assert "JobSpecs[0].LocalMountSpecs[0].MountMode: no block device is handed to" in done.err
