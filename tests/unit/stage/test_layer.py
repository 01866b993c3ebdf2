"""Layers as folders: what is read from an overlay's, what is left of a copy."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localdlc.errors import InputError
from localdlc.stage.layer import Written, begin, clear, contents, copy, layers_in, settle, work_of


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    """given, sub/other, sub/link"""
    made = tmp_path / "lower"
    (made / "sub").mkdir(parents=True)
    (made / "given").write_text("given")
    (made / "sub" / "other").write_text("other")
    (made / "sub" / "link").symlink_to("other")
    return made


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    return tmp_path / "job" / "layers" / "0"


def whiteout(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# overlays


def test_a_layer_begins_empty_with_the_mode_of_the_data(layer: Path, lower: Path) -> None:
    lower.chmod(0o775)
    begin(layer, lower)
    assert tree(layer) == tree(work_of(layer)) == set()
    assert layer.stat().st_mode & 0o777 == 0o775
    assert work_of(layer).stat().st_dev == layer.stat().st_dev
    assert work_of(layer) not in layer.rglob("*")


def test_a_folder_that_was_deleted_is_the_files_that_were_in_it(layer: Path, lower: Path) -> None:
    (lower / "empty").mkdir()
    begin(layer, lower)
    whiteout(layer / "sub")
    whiteout(layer / "empty")
    assert settle(layer, lower).deleted == ("sub/link", "sub/other")


def test_what_an_overlay_holds_is_told_and_left_as_plain_files(layer: Path, lower: Path) -> None:
    begin(layer, lower)
    (work_of(layer) / "work").mkdir(mode=0)
    (layer / "given").write_text("changed!")
    (layer / "new" / "empty").mkdir(parents=True)
    (layer / "new" / "link").symlink_to("/nowhere")
    (layer / "sub").mkdir()
    whiteout(layer / "sub" / "other")
    written = settle(layer, lower)
    assert written == Written((("given", 8), ("new/link", 8)), ("sub/other",))
    assert written.bytes == 16
    assert tree(layer.parent) == {"0", "0/given", "0/new", "0/new/link"}
    assert contents(layer) == Written(written.files)
    assert tree(lower) == {"given", "sub", "sub/other", "sub/link"}


def test_a_layer_with_nothing_in_it_goes(layer: Path, lower: Path) -> None:
    begin(layer, lower)
    (layer / "a" / "b").mkdir(parents=True)
    whiteout(layer / "given")
    assert settle(layer, lower) == Written((), ("given",))
    assert not layer.parent.exists()


def test_another_layer_of_the_job_is_left_alone(layer: Path, lower: Path) -> None:
    other = layer.with_name("1")
    for one in (layer, other):
        begin(one, lower)
        (one / "x").write_text("x")
    assert layers_in(layer.parent) == [layer, other]
    clear(layer)
    assert work_of(other).is_dir()
    assert tree(other) == {"x"}


def test_where_there_is_no_layer_nothing_is_read(layer: Path, lower: Path) -> None:
    assert settle(layer, lower).files == ()
    assert layers_in(layer.parent) == []


# copies


def test_a_copy_is_reduced_to_what_was_written(layer: Path, lower: Path) -> None:
    assert copy(layer, lower, lambda: True) == layer
    assert tree(layer) == tree(lower)
    (layer / "given").write_text("GIVEN")
    (layer / "sub" / "other").unlink()
    (layer / "new").write_text("new")
    assert settle(layer, lower) == Written((("given", 5), ("new", 3)), ("sub/other",))
    assert tree(layer) == {"given", "new"}
    assert (lower / "given").read_text() == "given"


def test_a_copy_that_nobody_wrote_to_goes(layer: Path, lower: Path) -> None:
    copy(layer, lower, lambda: True)
    assert settle(layer, lower) == Written()
    assert not layer.exists()


def test_a_single_file_is_copied_into_the_layers_folder(layer: Path, lower: Path) -> None:
    given = lower / "given"
    copied = copy(layer, given, lambda: True)
    assert copied == layer / "given"
    copied.write_text("more")
    assert settle(layer, given) == Written((("given", 4),))
    assert given.read_text() == "given"


def test_a_copy_that_is_called_off_leaves_nothing(layer: Path, lower: Path) -> None:
    answers = iter([True, False])
    with pytest.raises(InputError, match="called off"):
        copy(layer, lower, lambda: next(answers))
    assert not layer.exists()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    if os.getuid():
        pytest.skip("only root mounts a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("single", [True, False])
def test_a_full_disk_is_told_with_what_is_missing(small: Path, lower: Path, single: bool) -> None:
    (lower / "large").write_bytes(bytes(200 << 10))
    data = lower / "large" if single else lower
    with pytest.raises(InputError, match=r"the disk is full. It needs [\d,]{7} bytes and 1\d\d,"):
        copy(small / "0", data, lambda: True)
    assert list(small.iterdir()) == []
