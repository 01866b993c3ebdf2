"""Command lines that give files away: short enough, and none where there is nothing to do."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from localdlc.job.handover import MOST, Handover, portions
from localdlc.run.errands import Errands
from localdlc.run.fake_engine import FakeEngine, FakeReplica

NAMES = st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1)


@given(st.lists(NAMES.filter(lambda name: name not in {".", ".."}), max_size=20), st.integers(1, 9))
def test_no_path_is_lost_or_taken_for_an_option(names: list[str], often: int) -> None:
    paths = [Path(name * often) for name in names]
    arguments = [argument for some in portions(paths) for argument in some]
    assert arguments == [f"./{path}" for path in paths]


def test_a_command_line_is_never_too_long() -> None:
    some = list(portions([Path(f"{n:0200}") for n in range(20_000)]))
    assert [len(portion) for portion in some] == [4_969] * 4 + [124]
    assert all(sum(len(argument) + 9 for argument in portion) <= MOST for portion in some)


def handover(user: int, *folders: Path) -> tuple[Handover, list[tuple[str, ...]]]:
    """And the command of each container that it runs."""
    ran: list[tuple[str, ...]] = []

    def act(replica: FakeReplica) -> int:
        ran.append(replica.spec.command)
        replica.write(b"chown: no\n", "stderr")
        return 1

    errands = Errands(FakeEngine(lambda _: 0, errands=act), "dlc1", "home")
    return Handover("image", folders, errands, user), ran


def test_root_has_nothing_to_be_handed(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    hand_over, ran = handover(0, tmp_path)
    assert hand_over() == []
    assert ran == []


def test_where_all_is_the_users_no_container_runs(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    hand_over, ran = handover(os.getuid() or 4321, tmp_path)
    assert hand_over() == []
    assert ran == []


def test_what_cannot_be_handed_over_is_told_with_what_helps(tmp_path: Path) -> None:
    if os.getuid():
        return
    os.chown(tmp_path, 4321, 4321)
    (tmp_path / "old").touch()
    hand_over, ran = handover(4321, tmp_path)
    hand_over.look(lambda message: None)
    (tmp_path / "new").touch()
    [told] = hand_over()
    assert told == (
        f"what the job wrote in {tmp_path} still belongs to another user: chown: no. "
        f"`sudo chown -R 4321 {tmp_path}` gives it to you."
    )
    assert [command[-2:] for command in ran] == [("-h", "./new")]
