"""Whose files are: found by what they are, not by what they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localdlc.stage.owners import foreign, owned_by, to_hand_over

ME = os.getuid()
NOBODY = 65534


def names(paths: list[Path]) -> set[str]:
    return set(map(str, paths))


def test_only_a_folder_of_ones_own_counts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert owned_by(tmp_path, ME)
    assert not owned_by(tmp_path, ME + 1)
    assert not owned_by(file, ME)
    assert not owned_by(tmp_path / "none", ME)


def test_what_is_new_and_not_the_users_is_handed_over(tmp_path: Path) -> None:
    user = ME + 1  # to whom all of this is somebody else's
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    before = foreign(tmp_path, user)
    (tmp_path / "old" / "new").touch()
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "old" / "file").rename(tmp_path / "moved")
    (tmp_path / "hard").hardlink_to(tmp_path / "moved")
    assert names(to_hand_over(tmp_path, user, before)) == {"old/new", "link"}
    assert to_hand_over(tmp_path, ME, before) == []


@pytest.mark.skipif(ME != 0, reason="only root gives files away")
def test_by_owner(tmp_path: Path) -> None:
    for name, owner in (("mine", NOBODY), ("roots", 0), ("others", 4321)):
        (tmp_path / name).touch()
        os.chown(tmp_path / name, owner, owner)
    assert names(to_hand_over(tmp_path, NOBODY, frozenset())) == {"roots", "others"}
