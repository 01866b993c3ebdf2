"""Ends are heard of in any order; the verdict follows the order in which they came."""

from __future__ import annotations

import pytest
from given import exited, plan_of, short

from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, decide, judged
from localdlc.plan.progress import Ended, Progress

TF = {"Chief": 1, "Worker": 2}


def heard_first(plan: Plan, ended: dict[str, Ended], name: str) -> Finish:
    """What is decided when ``name`` alone has been heard of."""
    pod = f"{plan.job_id}-{name}"
    decision = decide(plan, Progress({pod: ended[pod]}))
    assert isinstance(decision, Finish)
    return decision


@pytest.mark.parametrize(
    ("policy", "codes", "first", "verdict"),
    [
        # The chief was done; its worker crashed because of that, and was heard of first.
        ("ChiefWorker", {"chief-0": 0, "worker-0": 1}, "worker-0", "Succeeded by chief-0"),
        ("ChiefWorker", {"worker-0": 1, "chief-0": 0}, "worker-0", "Failed by worker-0"),
        ("AllWorkers", {"chief-0": 0, "worker-0": 1}, "worker-0", "Failed by worker-0"),
        ("AllWorkers", {"worker-1": 2, "worker-0": 1}, "worker-0", "Failed by worker-1"),
        ("AllWorkers", {"worker-0": 1, "worker-1": 2}, "worker-0", "Failed by worker-0"),
    ],
)
def test_what_came_first_decides_even_if_it_is_heard_of_last(
    policy: str, codes: dict[str, int], first: str, verdict: str
) -> None:
    plan = plan_of(TF, "TFJob", SuccessPolicy=policy)
    ended = exited(plan, codes)
    finish = judged(plan, heard_first(plan, ended, first), Progress(ended))
    assert f"{finish.status} by {short(finish.deciding_replica or '')}" == verdict


def test_a_stop_stays_a_stop() -> None:
    plan = plan_of(TF, "TFJob")
    finish = Finish("Stopped", "JobStoppedByUser", "Job is stopped by user.")
    ended = exited(plan, {"chief-0": 0, "worker-0": 0})
    assert judged(plan, finish, Progress(ended)) == finish
