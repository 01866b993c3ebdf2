"""What the clock has to say, and how long one may sleep until then."""

from __future__ import annotations

from localdlc.run.alarms import LONGEST, Alarms


def test_an_alarm_goes_off_once_and_the_earliest_first() -> None:
    now = [0.0]
    alarms = Alarms(lambda: now[0])
    assert alarms.patience() is None
    alarms.set("late", 20.0)
    alarms.set("soon", 10.0)
    assert (alarms.due(), alarms.patience()) == ([], 10.0)
    now[0] = 30.0
    assert alarms.patience() == 0.0
    assert (alarms.due(), alarms.due()) == (["soon", "late"], [])


def test_nobody_sleeps_longer_than_a_queue_can_wait() -> None:
    """JobMaxRunningTimeMinutes has 64 bits."""
    alarms = Alarms(lambda: 0.0)
    alarms.set("deadline", 60 * 10.0**18)
    alarms.set("silence", float("inf"))
    assert alarms.patience() == LONGEST
    assert alarms.due() == []
