"""When set-up builds an image, and when it leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from localdlc.errors import ImageError
from localdlc.stage.image import BASE, read_arguments
from tools import images

if TYPE_CHECKING:
    from pathlib import Path

    from localdlc.stage.image import ImageBuilder


class Shelf:
    """An engine that holds ids by name, and builds by counting."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.built = 0

    def find_image(self, reference: str) -> str | None:
        return self.ids.get(reference)

    def build(self) -> str:
        self.built += 1
        self.ids["a/b:c"] = f"id {self.built}"
        return self.ids["a/b:c"]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(images, "SETUP", tmp_path / ".setup")
    return Shelf()


def ask(shelf: Shelf, key: str = "key") -> int:
    images.unless_there(cast("ImageBuilder", shelf), "a/b:c", key, shelf.build)
    return shelf.built


def test_a_first_time_builds_and_a_second_does_not(shelf: Shelf) -> None:
    assert [ask(shelf), ask(shelf)] == [1, 1]


def test_other_inputs_build(shelf: Shelf) -> None:
    assert [ask(shelf), ask(shelf, "other"), ask(shelf, "other")] == [1, 2, 2]


def test_an_image_that_is_gone_is_built_again(shelf: Shelf) -> None:
    ask(shelf)
    shelf.ids.clear()
    assert ask(shelf) == 2


def test_an_image_of_another_making_is_built_again(shelf: Shelf) -> None:
    ask(shelf)
    shelf.ids["a/b:c"] = "made elsewhere"
    assert ask(shelf) == 2


def test_a_failed_build_leaves_no_stamp(shelf: Shelf) -> None:
    def fail() -> str:
        raise ImageError("no space")

    with pytest.raises(ImageError):
        images.unless_there(cast("ImageBuilder", shelf), "a/b:c", "key", fail)
    assert ask(shelf) == 1


def test_a_digest_tells_contents_apart_and_not_names(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("x")
    other.write_text("x")
    assert images.digest(one) == images.digest(other)
    assert images.digest(one) != images.digest(one, extra="index")
    assert images.digest(one, other) != images.digest(one)
    other.write_text("y")
    assert images.digest(one) != images.digest(other)


def test_every_sample_says_what_its_image_starts_from() -> None:
    """By its id an image is made anew when what it starts from has been."""
    starts = {
        file.parent.name: read_arguments(file.read_text())["BASE"]
        for file in (images.HERE / "samples").glob("*/Dockerfile")
    }
    assert starts.pop("data-juicer") == "localdlc/pytorch:latest"
    assert set(starts.values()) == {BASE}
    assert len(starts) >= 4


def test_the_command_line_has_three_commands() -> None:
    asked = images.parser().parse_args(["sample", "samples/x", "x:1", "--index", "file:///i"])
    assert asked.do is images.sample
    assert (str(asked.folder), asked.reference, asked.index) == ("samples/x", "x:1", "file:///i")
    assert images.parser().parse_args(["base"]).do is images.base
    assert images.parser().parse_args(["wheels", "samples/x"]).do is images.wheels
