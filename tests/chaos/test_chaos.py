"""A short version of ``make chaos``: the same, with seeds of which each strikes other things."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemons import Daemon

from chaos.runner import play
from chaos.scenario import scenario

pytestmark = [pytest.mark.engine, pytest.mark.servers]


@pytest.mark.parametrize("seed", [110, 116, 130, 143])
def test_after_random_kills_every_job_is_judged_and_nothing_is_lost_or_left(
    seed: int, daemon: Daemon, tmp_path: Path
) -> None:
    outcome = play(scenario(seed), daemon, tmp_path)
    assert outcome.struck
    assert outcome.complaints == []
