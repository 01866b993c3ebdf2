"""What counts as the same requirements, and where they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from localdlc.plan.model import Libraries, Mount
from localdlc.stage.requirements import key, lines_of, moves


def libraries(*wanted: str, listed: str = "", mounts: tuple[Mount, ...] = ()) -> Libraries:
    return Libraries("img:1", wanted, listed, "/home/wheels/0", mounts)


def key_of(*wanted: str, image: str = "sha256:1", **env: str) -> str:
    asked = replace(libraries(*wanted), env=env)
    return key(image, asked, *lines_of(asked))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder that containers see at /code."""
    (tmp_path / "sub").mkdir()
    return tmp_path


def read(code: Path, text: str) -> list[str]:
    (code / "requirements.txt").write_text(text)
    asked = libraries(listed="/code/requirements.txt", mounts=(Mount(str(code), "/code", True),))
    return lines_of(asked)[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["b", "a"]),
        (["a", "a"], ["a"]),
        (["Foo_Bar == 1.0"], ["foo-bar==1.0"]),
        (["foo.bar >=1, <2"], ["foo-bar>=1,<2"]),
        (["a[x] ; python_version > '3'"], ["a[x];python_version>'3'"]),
        (["a  # why"], ["a"]),
    ],
)
def test_equal_requirements_have_one_key(one: list[str], other: list[str]) -> None:
    assert key_of(*one) == key_of(*other)


def test_what_decides_is_in_the_key() -> None:
    keys = [
        key_of("a==1"),
        key_of("a==1", image="sha256:2"),
        key_of("a==2"),
        key_of("a==1", "b"),
        key_of("a==1", PIP_PRE="1"),
        key_of("a @ https://example.org/A.zip"),
        key_of("a @ https://example.org/a.zip"),
    ]
    assert len(set(keys)) == len(keys)


def test_a_libraries_line_is_not_a_files_line(code: Path) -> None:
    (code / "requirements.txt").write_text("a\n")
    asked = libraries(listed="/code/requirements.txt", mounts=(Mount(str(code), "/code", True),))
    assert key("i", asked, *lines_of(asked)) != key_of("a", image="i")


def test_comments_and_empty_lines_do_not_count_and_continued_ones_are_one(code: Path) -> None:
    text = "\ufeff# all\na>=1, \\\n  <2\n\nb @ git+https://x/y.git#egg=b # why\n"
    assert read(code, text) == ["a>=1,   <2", "b @ git+https://x/y.git#egg=b"]


def test_files_that_a_file_names_count(code: Path) -> None:
    (code / "sub" / "more.txt").write_text("b\n-c ../limits.txt\n-r ../requirements.txt\n")
    (code / "limits.txt").write_text("a<2\n")
    lines = read(code, "a\n-r sub/more.txt\n")
    assert lines == [
        *("a", "-r sub/more.txt", "b", "-c ../limits.txt", "a<2", "-r ../requirements.txt")
    ]
    (code / "limits.txt").write_text("a<3\n")
    assert read(code, "a\n-r sub/more.txt\n") != lines


def test_a_file_in_the_image_is_its_name(code: Path) -> None:
    assert lines_of(libraries(listed="/opt/requirements.txt")) == ([], ["-r /opt/requirements.txt"])
    assert read(code, "-r /opt/more.txt\n")[1:] == ["-r /opt/more.txt"]


def test_a_missing_file_has_no_lines(code: Path) -> None:
    asked = libraries(listed="/code/requirements.txt", mounts=(Mount(str(code), "/code", True),))
    assert lines_of(asked) == ([], [])


@pytest.mark.parametrize(
    "line",
    [".", "./pkg", "../pkg", "/root/pkg", "-e .", "--editable=./x", "file:///x", "a @ file:///x"],
)
def test_folders_may_change_unseen(line: str) -> None:
    assert moves(["b", line])


@pytest.mark.parametrize(
    "line", ["a", "a==1.0", "a @ https://x/a.whl", "git+https://x/a.git@1", "-r more.txt", "a.b"]
)
def test_names_and_urls_do_not(line: str) -> None:
    assert not moves([line])
