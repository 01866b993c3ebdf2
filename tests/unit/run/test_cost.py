"""The machinery of a run adds nothing visible: what it does for each event does not grow.

Counted in calls of functions on the thread that decides, because a clock says something else on
every machine; ``benchmarks`` has the seconds.
"""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any

from benchmarks.machinery import Folded, ran

EVENTS = 2_500
# More than three times what it takes today, with reading and planning the request.
MOST_PER_EVENT = 400


def counted(replicas: int) -> tuple[Folded, int]:
    calls = Counter[str]()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        calls[event] += 1

    sys.setprofile(profile)
    try:
        folded = ran(replicas, EVENTS)
    finally:
        sys.setprofile(None)
    return folded, calls["call"]


def test_what_an_event_costs_does_not_grow_with_the_job() -> None:
    folded, calls = counted(128)
    assert (folded.view.status, len(folded.view.replicas)) == ("Succeeded", 128)
    assert folded.count > 0.9 * EVENTS
    assert calls < MOST_PER_EVENT * folded.count
