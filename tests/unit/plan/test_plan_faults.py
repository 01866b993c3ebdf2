"""What can be asked for as a fault, and when it is due."""

from __future__ import annotations

import pytest
from given import JOB_ID, planned, request

from localdlc.errors import UsageError
from localdlc.plan.faults import Fault

ZERO, ONE = f"{JOB_ID}-master-0", f"{JOB_ID}-worker-0"


def fault(text: str) -> Fault:
    [found] = planned(request({"Worker": 2}), fault=(text,)).faults
    return found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("worker-0:kill@30s", Fault("", ONE, "kill", after=30.0)),
        ("worker-0:kill", Fault("", ONE, "kill")),
        ("master-0:preempt@step=200", Fault("", ZERO, "preempt", pattern="step=200")),
        ("master-0:oom@epoch 3: done", Fault("", ZERO, "oom", pattern="epoch 3: done")),
        ("worker-0:pause=500ms@1.5m", Fault("", ONE, "pause", 0.5, after=90.0)),
        ("worker-0:net-cut=10s@30", Fault("", ONE, "net-cut", 10.0, pattern="30")),
        ("worker-0:net-delay=100ms", Fault("", ONE, "net-delay", 0.1)),
    ],
)
def test_a_fault_is_read(text: str, meant: Fault) -> None:
    found = fault(text)
    assert found.text == text
    for name in ("pod_id", "action", "seconds", "after", "pattern"):
        assert getattr(found, name) == getattr(meant, name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("worker-0", "REPLICA:ACTION@WHEN, as in worker-1:kill@30s"),
        ("worker-7:kill", "there is no replica worker-7; there are: master-0, worker-0"),
        ("worker-0:explode", "there is no explode; there are: kill, preempt"),
        ("worker-0:net-delay", "net-delay needs a time, as in net-delay=100ms"),
        ("worker-0:kill=3s", "kill takes no value"),
        ("worker-0:pause=long", "'long' is no time such as 100ms"),
    ],
)
def test_a_fault_that_cannot_be_says_what_can(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="cannot be rehearsed") as error:
        fault(text)
    assert says in str(error.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    asked = ("worker-0:kill", "worker-0:foo", "worker-9:kill", "kill")
    with pytest.raises(UsageError) as error:
        planned(request({"Worker": 2}), fault=asked)
    lines = str(error.value).splitlines()
    assert [line.split("'")[1] for line in lines] == list(asked[1:])


def test_a_time_is_one_that_a_clock_can_be_set_for() -> None:
    assert fault("worker-0:kill@999999999999m").after == 1e9
    assert fault(f"worker-0:pause={'9' * 400}s").seconds == 1e9


@pytest.mark.parametrize(
    ("output", "heard"),
    [
        ("step=200 loss=1", True),
        ("at step=200\n", True),
        ("step=2000", False),
        ("substep=200", False),
        ("step=20", False),
    ],
)
def test_a_pattern_is_a_word_of_its_own(output: str, heard: bool) -> None:
    assert fault("worker-0:kill@step=200").heard_in(output) is heard


def test_a_fault_by_time_is_never_heard() -> None:
    assert not fault("worker-0:kill@30s").heard_in("30s")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("worker-0:kill", "is killed (SIGKILL)"),
        ("worker-0:pause=2s", "is paused for 2 s"),
        ("worker-0:net-delay=100ms", "sends everything later, by 100 ms"),
    ],
)
def test_a_fault_is_told_in_words(text: str, words: str) -> None:
    assert fault(text).words == words


def test_a_plan_says_what_will_befall_whom() -> None:
    plan = planned(request({"Worker": 2}), fault=("worker-0:pause=2s@step=9",))
    assert str(plan).splitlines()[-1] == (
        "fault worker-0:pause=2s@step=9: worker-0 is paused for 2 s"
    )
