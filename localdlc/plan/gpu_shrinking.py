"""A job that wants more GPUs than there are, as a smaller one of the same shape. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from math import ceil, log2
from typing import TYPE_CHECKING

from localdlc.plan.gpus import needed

if TYPE_CHECKING:
    from fractions import Fraction

    from localdlc.plan.replicas import Role

__all__ = ["shape", "shrunk"]


def shrunk(roles: tuple[Role, ...], there: int) -> tuple[Role, ...]:
    """Fewer replicas with fewer GPUs each, so that ``there`` are enough; one at least.

    Replicas and GPUs a replica are divided by whole numbers, so that what divided them still does.
    Of all ways the one that leaves every role (or two replicas, to have peers), uses the most GPUs,
    and is nearest to the proportion of replicas to GPUs. Roles without GPUs shrink along.
    """
    count = sum(role.count for role in roles if role.gpus)
    most = max(role.gpus for role in roles)
    kinds = sum(1 for role in roles if role.gpus)
    best, found = None, roles
    for replicas, gpus in product(divisors(count), divisors(max(1, int(most)))):
        smaller = scaled(roles, replicas, gpus / max(1, int(most)))
        used = needed([role.gpus for role in smaller for _ in range(role.count)])
        if used > there:
            continue
        distance = abs(log2(replicas * float(most) / (gpus * count)))
        rank = (min(replicas, max(2, kinds)), used, -distance, replicas)
        if best is None or rank > best:
            best, found = rank, smaller
    return found


def divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def scaled(roles: tuple[Role, ...], replicas: int, part: float) -> tuple[Role, ...]:
    """``replicas`` in all of those with GPUs, each with this ``part`` of its GPUs, one at least.

    Roles of which none is left are gone, the last ones first.
    """
    with_gpus = [role for role in roles if role.gpus]
    count = sum(role.count for role in with_gpus)
    counts = iter(spread([role.count for role in with_gpus], replicas))
    changed = (
        replace(role, count=next(counts), gpus=fewer(role.gpus, part))
        if role.gpus
        else replace(role, count=ceil(role.count * replicas / count))
        for role in roles
    )
    return tuple(role for role in changed if role.count)


def fewer(gpus: Fraction | int, part: float) -> Fraction | int:
    return gpus if gpus < 1 else max(1, int(gpus * part))


def spread(counts: Sequence[int], total: int) -> list[int]:
    """``total`` in the proportion of ``counts``: one each from the first on, as far as it goes."""
    whole = sum(counts)
    given = [1 if n < total else 0 for n in range(len(counts))]
    while sum(given) < total:
        lack = [count * total / whole - has for count, has in zip(counts, given, strict=True)]
        given[lack.index(max(lack))] += 1
    return given


def shape(roles: Iterable[Role]) -> str:
    """Replicas times GPUs: ``8×8``, or ``1×4 + 8×2``."""
    counts: dict[Fraction | int, int] = {}
    for role in roles:
        if role.gpus:
            counts[role.gpus] = counts.get(role.gpus, 0) + role.count
    return " + ".join(f"{count}×{gpus}" for gpus, count in counts.items())
