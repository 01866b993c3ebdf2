"""What a path means in a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localdlc.record.events import InputStaged
from localdlc.record.view import JobView
from localdlc.service.explaining import lister
from localdlc.why import Case
from localdlc.why.places import place

DATA = {"kind": "data", "uri": "oss://b/", "target": "/mnt/data", "read_only": False}
CODE = {"kind": "code", "uri": "git@h:x.git", "target": "/root/code", "read_only": False}


def case(*inputs: dict[str, Any], source: Path | None = None, **view: Any) -> Case:
    mounts = [{"target": "/mnt/data", "source": str(source)}] if source else []
    plan = {"inputs": inputs, "replicas": [{"mounts": mounts}]}
    return Case(JobView(**view), plan, {}, lister(plan))


def test_below_a_mount_it_is_of_that_data_source() -> None:
    assert place("/mnt/data/x", case(DATA), []) == (
        "/mnt/data/x is below /mnt/data, where the data source oss://b/ is mounted"
    )
    assert place("/mnt/database", case(DATA), []).startswith("/mnt/database is of the image itself")


def test_the_innermost_mount_and_whether_it_is_read_only() -> None:
    inner = {**DATA, "uri": "oss://c/", "target": "/mnt/data/c", "read_only": True}
    told = place("/mnt/data/c/x", case(DATA, inner), [])
    assert told.endswith("below /mnt/data/c, where the data source oss://c/ is mounted read-only")


def test_a_sample_may_lack_the_file() -> None:
    staged = InputStaged("data", "oss://b/", 1, 1, 0.0, False, "", "1%", part=True)
    seen = Case(JobView(inputs=(staged,)), {"inputs": [DATA]}, {})
    told = place("/mnt/data/x", seen, [])
    assert told.endswith("is mounted, of which the job saw a sample of 1%")


def test_a_relative_path_is_of_the_working_directory() -> None:
    assert place("train.py", case(DATA), []).endswith("which is the image's own")
    assert place("train.py", case(CODE), []).endswith("own; the code is in /root/code")


def test_other_places() -> None:
    told = place("/opt/x", case(DATA, CODE), [])
    assert told.endswith("as the job mounts nothing there (but at /mnt/data, /root/code)")
    assert place("/opt/x", case(), []).endswith("as the job mounts nothing there")
    assert place("/tmp/m/x", case(), [{"target": "/tmp/m"}]).endswith("below a mount of the job")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/mnt/data/Train.csv", "; there is /mnt/data/train.csv"),
        ("/mnt/data/trian/0.jpg", "; there is /mnt/data/train"),
        ("/mnt/data/train/7.jpg", "; /mnt/data/train is empty"),
        ("/mnt/data/labels", "; in /mnt/data there is a, b, c and 2 more"),
        ("/mnt/data/a", ""),
    ],
)
def test_what_there_is_instead(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "train").mkdir()
    for name in ("train.csv", "a", "b", "c"):
        (tmp_path / name).touch()
    told = place(path, case(DATA, source=tmp_path), [])
    assert told == f"{path} is below /mnt/data, where the data source oss://b/ is mounted{words}"


def test_what_is_gone_is_not_looked_into(tmp_path: Path) -> None:
    assert place("/mnt/data/x", case(DATA, source=tmp_path / "gone"), []).endswith("is mounted")
