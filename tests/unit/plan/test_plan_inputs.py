"""Where data and code come from, where replicas see them, and what is said when they cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from given import planned, request

from localdlc.config import CodeSource
from localdlc.errors import InputError
from localdlc.plan.data import local_folder, mapped
from localdlc.plan.model import Plan

NAS = "nas://29abcd12-fghi.cn-hangzhou/data/"


def with_data(
    *sources: dict[str, Any], code: dict[str, Any] | None = None, **settings: Any
) -> Plan:
    body = request({"Master": 1}, DataSources=list(sources), CodeSource=code)
    return planned(body, **settings)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("file:///data/a", "/data/a"),
        ("file:///a%20b/", "/a b"),
        ("file://localhost/data", "/data"),
        ("file://elsewhere/data", None),
        ("oss://bucket/data", None),
        ("oss://[bucket/", None),
        ("d-abc", None),
    ],
)
def test_a_file_uri_is_a_folder_of_this_machine(uri: str, folder: str | None) -> None:
    assert local_folder(uri) == (folder and Path(folder))


FOLDERS = {"oss://b/data": Path("/d"), "oss://b/data/deep/": Path("/deep"), "d-1": Path("/id")}


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("oss://b/data", "/d"),
        ("oss://b/data/", "/d"),
        ("oss://b/data/x/y/", "/d/x/y"),
        ("oss://b/data/deep/z", "/deep/z"),
        ("d-1", "/id"),
        ("oss://b/database", None),
        ("oss://b", None),
        ("d-12", None),
    ],
)
def test_the_longest_mapping_that_fits_wins(name: str, folder: str | None) -> None:
    assert mapped(name, FOLDERS) == (folder and Path(folder))


def test_a_mapping_goes_before_the_folder_of_a_file_uri() -> None:
    plan = with_data({"Uri": "file:///a", "MountPath": "/m"}, map={"file:///a": Path("/b")})
    assert plan.inputs[0].source == "/b"


@pytest.mark.parametrize(("access", "read_only"), [("RO", True), ("RW", False), (None, False)])
def test_only_ro_is_read_only(access: str | None, read_only: bool) -> None:
    plan = with_data({"Uri": "file:///a", "MountPath": "/m", "MountAccess": access})
    assert plan.replicas[0].mounts[0].read_only is read_only


def test_data_without_a_mount_path_takes_the_next_free_default() -> None:
    plan = with_data(
        {"Uri": "file:///a"},
        {"Uri": "file:///b", "MountPath": "/mnt/data-2/"},
        {"Uri": "file:///c"},
    )
    assert [i.target for i in plan.inputs] == ["/mnt/data", "/mnt/data-2", "/mnt/data-3"]
    assert plan.notes == (
        "DataSources[0]: no MountPath is given; it is mounted at /mnt/data.",
        "DataSources[2]: no MountPath is given; it is mounted at /mnt/data-3.",
    )


def test_data_without_a_mount_path_keeps_clear_of_the_code() -> None:
    plan = with_data(
        {"Uri": "file:///a"},
        code={"CodeSourceId": "c", "MountPath": "/mnt/data"},
        code_sources={"c": CodeSource("/r")},
    )
    assert [i.target for i in plan.inputs] == ["/mnt/data-2", "/mnt/data/r"]


def test_two_inputs_in_one_place_are_an_error() -> None:
    with pytest.raises(InputError) as error:
        with_data(
            {"Uri": "file:///a", "MountPath": "/code/r"},
            code={"CodeSourceId": "c", "MountPath": "/code"},
            code_sources={"c": CodeSource("/src/r.git")},
        )
    assert [str(problem) for problem in error.value.problems] == [
        "CodeSource.MountPath: /code/r is the place of DataSources[0].MountPath, too; each needs "
        "its own"
    ]


def test_everything_that_cannot_be_found_is_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        with_data({"Uri": NAS}, {"DataSourceId": "d-9"}, code={"CodeSourceId": "code-x"})
    assert [p.path for p in error.value.problems] == [
        "DataSources[0]",
        "DataSources[1]",
        "CodeSource.CodeSourceId",
    ]
    assert f"--map {NAS}=FOLDER" in str(error.value.problems[0])
    assert "d-9 is not registered here" in str(error.value.problems[1])
    assert '[code_sources."code-x"]' in str(error.value.problems[2])
