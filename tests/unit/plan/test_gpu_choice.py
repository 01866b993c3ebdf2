"""Which GPUs replicas are given: each its own, neighbours together, and never what others hold."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from given import cards, planned, request

from localdlc.config.gpus import Gpu
from localdlc.plan.gpus import Claim, allocate, choose, needed, wanted
from localdlc.plan.model import Plan

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def numbers(chosen: tuple[tuple[Gpu, ...], ...] | None) -> list[list[int]]:
    assert chosen is not None
    return [[gpu.index for gpu in gpus] for gpus in chosen]


def linked(*islands: Sequence[int], numa: Sequence[int] = ()) -> list[Gpu]:
    """GPUs in islands of NVLink, beside these processors."""
    place = {n: [m for m in island if m != n] for island in islands for n in island}
    count = 1 + max([*place, len(numa) - 1])
    return [
        Gpu(
            n,
            f"GPU-{n}",
            "A100",
            80 << 30,
            numa=numa[n] if numa else None,
            links=tuple(f"GPU-{m}" for m in place.get(n, ())),
        )
        for n in range(count)
    ]


def job(gpus: str, count: int = 2, have: int = 8, **settings: str) -> Plan:
    body = request({"Worker": count})
    body["JobSpecs"][0]["ResourceConfig"] = {"GPU": gpus}
    return planned(body, here=cards(have), **settings)


# each its own


def test_replicas_have_their_own() -> None:
    assert numbers(choose([2, 1, 0, 1], cards(4), ())) == [[0, 1], [2], [], [3]]


def test_what_others_hold_is_not_given() -> None:
    held = [Claim(frozenset({"GPU-0", "GPU-2"}))]
    assert numbers(choose([1, 1], cards(4), held)) == [[1], [3]]


def test_too_few_are_none() -> None:
    held = [Claim(frozenset({"GPU-2"})), Claim(frozenset({"GPU-0", "GPU-1", "X"}))]
    assert choose([1, 1], cards(4), held) is None


def test_the_plan_has_the_ids_then() -> None:
    plan = job("2")
    assert [r.resources.gpus for r in plan.replicas] == [(), ()]
    given = allocate(plan, plan.pool.gpus if plan.pool else (), ())
    assert isinstance(given, Plan)
    assert [r.resources.gpus for r in given.replicas] == [("GPU-0", "GPU-1"), ("GPU-2", "GPU-3")]
    assert [r.to_json()["resources"]["gpus"] for r in given.replicas][1] == ["GPU-2", "GPU-3"]
    assert given.replicas[0].env["LOCALDLC_GPUS"] == "GPU-0,GPU-1"
    assert wanted(given) == (2, 2)


def test_all_replicas_or_none() -> None:
    plan = job("4")
    assert allocate(plan, cards(8), [Claim(frozenset({"GPU-7"}))]) is None


def test_a_job_without_gpus_is_given_none() -> None:
    plan = job("0")
    assert plan.pool is None
    assert allocate(plan, cards(2), ()) == plan


# neighbours


@pytest.mark.parametrize(
    ("gpus", "held", "wants", "expected"),
    [
        (linked([0, 2], [1, 3]), [], [2, 2], [[0, 2], [1, 3]]),
        (linked([0, 2], [1, 3]), [0], [2], [[1, 3]]),
        # the smallest place that has room, so that larger ones stay whole
        (linked([0, 1, 2, 3], [4, 5]), [], [2], [[4, 5]]),
        (linked([0, 1, 2, 3], [4, 5]), [], [1, 4], [[4], [0, 1, 2, 3]]),
        (linked([0, 1, 2, 3], [4, 5]), [5], [1], [[4]]),
        # beyond an island the same processors; whole islands there
        (linked([0, 1], [2, 3], [4, 5], numa=[0, 0, 1, 0, 1, 1]), [], [3], [[0, 1, 3]]),
        (linked(numa=[0, 1, 0, 1]), [], [2, 2], [[0, 2], [1, 3]]),
        # and the machine as a whole
        (linked([0, 1], [2, 3]), [0], [3], [[1, 2, 3]]),
    ],
)
def test_neighbours_stay_together(
    gpus: list[Gpu], held: list[int], wants: list[int], expected: list[list[int]]
) -> None:
    claims = [Claim(frozenset(f"GPU-{n}" for n in held))]
    assert numbers(choose(wants, gpus, claims)) == expected


def test_in_a_mesh_those_with_links_to_each_other_are_taken() -> None:
    ring = {0: (1, 3), 1: (0, 2), 2: (1, 3), 3: (2, 0)}
    gpus = [
        Gpu(n, f"GPU-{n}", "V100", 0, links=tuple(f"GPU-{m}" for m in near))
        for n, near in ring.items()
    ]
    assert numbers(choose([2], gpus, [Claim(frozenset({"GPU-1"}))])) == [[0, 3]]


def test_parts_of_one_gpu_stay_together() -> None:
    parents = ["GPU-a", "GPU-b", "GPU-a", "GPU-b", "GPU-b"]
    gpus = [Gpu(n, f"MIG-{n}", "A100", 0, parent=parent) for n, parent in enumerate(parents)]
    assert numbers(choose([2], gpus, ())) == [[0, 2]]
    assert numbers(choose([3, 2], gpus, ())) == [[1, 3, 4], [0, 2]]


# parts of one


def test_parts_that_add_up_to_one_are_the_same_gpu() -> None:
    assert numbers(choose([HALF, 1, HALF, HALF], cards(3), ())) == [[1], [0], [1], [2]]
    assert numbers(choose([THIRD] * 4, cards(2), ())) == [[0], [0], [0], [1]]
    assert needed([HALF, HALF, THIRD, 2]) == 4
    assert choose([HALF] * 3, cards(1), ()) is None


# shared


def test_none_idles_while_two_share_another() -> None:
    held = [Claim(frozenset({"GPU-0"}), shared=True)]
    assert numbers(choose([1, 1, 1, 1], cards(3), held, shared=True)) == [[1], [2], [0], [1]]


def test_who_shares_takes_nothing_that_another_has_for_itself() -> None:
    held = [Claim(frozenset({"GPU-0"}))]
    assert numbers(choose([1, 1], cards(2), held, shared=True)) == [[1], [1]]
    assert choose([2], cards(2), held, shared=True) is None


def test_who_does_not_share_takes_nothing_that_is_shared() -> None:
    held = [Claim(frozenset({"GPU-0"}), shared=True)]
    assert numbers(choose([1], cards(2), held)) == [[1]]
