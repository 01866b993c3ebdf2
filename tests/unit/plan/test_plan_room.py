"""Whether there is room for a job beside others, and the sentence that says why not."""

from __future__ import annotations

import pytest
from given import cards, planned, request
from queueing import wanting

from localdlc.errors import ResourceError
from localdlc.plan.exact import exactly, peak
from localdlc.plan.model import Plan
from localdlc.plan.room import Holder, room, wish
from localdlc.plan.schedule import Waiting

GIB = 1 << 30


def job(count: int, each: int = 1, here: int = 4, **settings: str) -> Plan:
    return planned(wanting(count, each), here=cards(here), **settings)


def holder(job_id: str, *gpus: int, **members: object) -> Holder:
    return Holder(job_id, frozenset(f"GPU-{n}" for n in gpus), **members)  # type: ignore[arg-type]


def waiting(ticket: int, count: int, priority: int = 1) -> Waiting:
    return Waiting(ticket, f"dlc{ticket}", priority, count, frozenset(f"GPU-{n}" for n in range(4)))


def given_to(plan: Plan | str) -> list[tuple[str, ...]]:
    assert isinstance(plan, Plan), plan
    return [replica.resources.gpus for replica in plan.replicas]


def test_a_job_is_given_what_nobody_holds() -> None:
    assert given_to(room(job(2), 1, (), [holder("dlcx", 0, 2)])) == [("GPU-1",), ("GPU-3",)]


def test_what_goes_before_is_left_for_it() -> None:
    """Two that fit: the one that looks first leaves room for the one that is first."""
    others = [waiting(1, 2, priority=9)]
    (mine,) = given_to(room(job(1, each=2), 2, others, ()))
    assert mine == ("GPU-2", "GPU-3")


def test_a_plan_waits_for_the_sum_of_what_its_replicas_want() -> None:
    assert wish(job(2, each=2), 7) == Waiting(
        7, job(1).job_id, 1, 4, frozenset({"GPU-0", "GPU-1", "GPU-2", "GPU-3"})
    )
    assert wish(job(8, gpus="share"), 7).count == 1
    assert wish(job(8, gpus="share"), 7).shared
    assert (wish(job(1, each=0), 7).count, wish(job(1, each=0), 7).usable) == (0, frozenset())


REASONS = [
    (
        job(2, each=2),
        [holder("dlcx", 0), holder("dlca", 1, home="/home/bo")],
        (),
        "4 GPUs are wanted and 2 of 4 free; dlca of /home/bo holds 1; dlcx holds 1",
    ),
    (
        job(1),
        [holder("dlcx", 0, 1, 2, 3, gone=True)],
        (),
        "1 GPU is wanted and 0 of 4 free; dlcx holds 4, left by a localdlc that was killed "
        "(`localdlc gc` in its home sees to it)",
    ),
    (
        job(1),
        [holder("dlcx", 0)],
        [waiting(1, 4)],
        "1 GPU is wanted and 3 of 4 free; dlcx holds 1; "
        "dlc1 goes before and wants 4 (it came earlier)",
    ),
    (
        job(3),
        [],
        [waiting(9, 2, priority=7)],
        "3 GPUs are wanted and 2 of 4 free; dlc9 goes before and wants 2 (Priority 7)",
    ),
    (job(1, here=1), [holder("dlcx", 1), holder("dlcy", 0)], (), None),
]


@pytest.mark.parametrize(("plan", "holders", "others", "reason"), REASONS)
def test_the_reason_names_what_is_missing_and_who_has_it(
    plan: Plan, holders: list[Holder], others: list[Waiting], reason: str | None
) -> None:
    """GPUs that the job may not have are nobody's business."""
    told = "1 GPU is wanted and 0 of 1 free; dlcy holds 1" if reason is None else reason
    assert room(plan, 5, others, holders) == told


def test_nobody_waits_for_gpus_who_wants_none() -> None:
    assert given_to(room(job(2, each=0), 5, [waiting(1, 4)], [holder("dlcx", 0, 1, 2, 3)])) == [
        (),
        (),
    ]


# exactly


def test_exactly_what_is_free_is_enough() -> None:
    held = [Holder("dlcx", cpus=6000, memory=14 * GIB)]
    assert exactly(job(2, each=0), 8, 16 * GIB, held) == (2000, 2 * GIB)


def test_less_than_that_is_told_with_who_has_the_rest() -> None:
    held = [Holder("dlcx", cpus=6000, memory=GIB), Holder("dlcy", cpus=1500, home="/home/bo")]
    with pytest.raises(ResourceError) as error:
        exactly(job(2, each=0), 8, 16 * GIB, held)
    assert str(error.value) == (
        "this machine has less free than the job asks for. CPU: 2 cores are asked for at the same "
        "time (1 Master of 1 core, 1 Worker of 1 core), free are 0.5 cores of 8 cores: dlcx holds "
        "6 cores, dlcy of /home/bo holds 1.5 cores. Ask for less, try again when they have ended, "
        "or let everybody have their share: --resources share."
    )


def test_those_who_have_no_limits_ask_for_nothing() -> None:
    assert exactly(planned(request({"Worker": 2})), 8, 16 * GIB, []) == (0, 0)


def test_replicas_that_never_run_together_are_not_added_up() -> None:
    body = wanting(2, each=0)
    body["JobSpecs"].append(
        {
            **body["JobSpecs"][0],
            "Type": "Evaluator",
            "StartupDependencies": [{"Type": "Worker", "OnPhase": "Succeeded"}],
        }
    )
    body["JobType"] = "TFJob"
    plan = planned(body)
    assert len(plan.replicas) == 4
    assert peak(plan, lambda _: 1).total == 2
