"""What holds of every choice of GPUs: nobody's twice, neighbours together, the same each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from localdlc.config.gpus import Gpu
from localdlc.plan.gpu_shrinking import shrunk
from localdlc.plan.gpus import Claim, choose, needed
from localdlc.plan.replicas import Role
from localdlc.spec.jobspec import JobSpec

MANY = settings(max_examples=150, deadline=None)
WANTS = st.lists(
    st.integers(0, 8) | st.sampled_from([Fraction(1, 2), Fraction(1, 3), Fraction(1, 8)]),
    max_size=12,
)


@st.composite
def machines(draw: st.DrawFn) -> list[Gpu]:
    """GPUs in islands of NVLink, some divided by MIG, beside some processors."""
    count = draw(st.integers(0, 16))
    islands = [draw(st.integers(0, 4)) for _ in range(count)]
    return [
        Gpu(
            n,
            f"GPU-{n}",
            "A100",
            80 << 30,
            parent=draw(st.sampled_from(("", "", "GPU-x", "GPU-y"))),
            numa=draw(st.sampled_from((None, 0, 1))),
            links=tuple(f"GPU-{m}" for m in range(count) if m != n and islands[m] == islands[n]),
        )
        for n in range(count)
    ]


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    ids = st.integers(0, 15).map("GPU-{}".format)
    return [
        Claim(frozenset(draw(st.sets(ids, max_size=4))), draw(st.booleans()))
        for _ in range(draw(st.integers(0, 4)))
    ]


def total(wants: Sequence[Fraction | int], chosen: Sequence[tuple[Gpu, ...]]) -> Counter[Gpu]:
    """How much of each GPU is given away, in whole ones."""
    much: Counter[Gpu] = Counter()
    for want, gpus in zip(wants, chosen, strict=True):
        for gpu in gpus:
            much[gpu] += min(want, 1)  # type: ignore[assignment]
    return much


@MANY
@given(WANTS, machines(), claims())
def test_everybody_has_their_own_or_nobody_any(
    wants: list[Fraction | int], gpus: list[Gpu], held: list[Claim]
) -> None:
    chosen = choose(wants, gpus, held)
    closed = {uuid for one in held for uuid in one.gpus}
    free = [gpu for gpu in gpus if gpu.uuid not in closed]
    assert (chosen is None) == (needed(wants) > len(free))
    if chosen is None:
        return
    assert [len(set(those)) for those in chosen] == [-(-want // 1) for want in wants]
    assert all(much <= 1 for much in total(wants, chosen).values())
    assert not {gpu.uuid for those in chosen for gpu in those} & closed
    assert choose(wants, [*reversed(gpus)], held) == chosen


@MANY
@given(WANTS, machines(), claims())
def test_who_shares_sees_each_once_and_leaves_none_idle(
    wants: list[Fraction | int], gpus: list[Gpu], held: list[Claim]
) -> None:
    chosen = choose(wants, gpus, held, shared=True)
    closed = {uuid for one in held if not one.shared for uuid in one.gpus}
    free = [gpu for gpu in gpus if gpu.uuid not in closed]
    if chosen is None:
        assert max(wants) > len(free)
        return
    assert [len(set(those)) for those in chosen] == [-(-want // 1) for want in wants]
    assert not {gpu.uuid for those in chosen for gpu in those} & closed
    used = {gpu for those in chosen for gpu in those}
    alone = not any(one.shared for one in held) and all(want % 1 == 0 for want in wants)
    if alone:
        assert len(used) == min(len(free), sum(wants))


@MANY
@given(st.integers(1, 8), machines())
def test_who_fits_into_an_island_is_in_one(want: int, gpus: list[Gpu]) -> None:
    chosen = choose([want], gpus, ())
    islands = {frozenset((gpu.uuid, *gpu.links)) for gpu in gpus}
    if chosen is None or max(map(len, islands)) < want:
        return
    ids = {gpu.uuid for gpu in chosen[0]}
    same_gpu = len({gpu.parent for gpu in chosen[0]}) == 1 and chosen[0][0].parent
    assert same_gpu or any(ids <= island for island in islands)


@MANY
@given(st.lists(st.tuples(st.integers(1, 32), st.integers(0, 8)), min_size=1), st.integers(1, 64))
def test_what_is_shrunk_fits_and_asks_for_no_more_than_before(
    asked: list[tuple[int, int]], there: int
) -> None:
    roles = tuple(Role(f"R{n}", count, JobSpec(), gpus) for n, (count, gpus) in enumerate(asked))
    if not any(role.gpus for role in roles):
        return
    small = {role.type: role for role in shrunk(roles, there)}
    assert 0 < sum(role.count * role.gpus for role in small.values()) <= there
    for role in roles:
        left = small.get(role.type)
        assert left or role.gpus
        if left:
            assert 0 < left.count <= role.count
            assert bool(left.gpus) == bool(role.gpus)
            assert left.gpus <= role.gpus
