"""Instance types: the table as a whole, what names say, and what they do not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from localdlc.spec.instances import (
    GIB,
    Instance,
    by_name,
    instance_of,
    instance_types,
    near_types,
)


def test_the_table_has_every_type_once_and_whole() -> None:
    types = instance_types()
    assert len(types) == 302
    for name, one in types.items():
        assert name.startswith("ecs.")
        assert (one.cpus > 0, one.memory >= GIB, one.derived) == (True, True, False)
        assert (one.gpus > 0) == bool(one.gpu_type)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ecs.c6.large", Instance("ecs.c6.large", 2, 4 * GIB)),
        ("ecs.g8i.48xlarge", Instance("ecs.g8i.48xlarge", 192, 1024 * GIB)),
        (
            "ecs.gn6e-c12g1.3xlarge",
            Instance("ecs.gn6e-c12g1.3xlarge", 12, 92 * GIB, Fraction(1), "V100-32G", 32 * GIB),
        ),
        (
            "ecs.ebmgn7e.32xlarge",
            Instance("ecs.ebmgn7e.32xlarge", 128, 1024 * GIB, Fraction(8), "A100-80G", 80 * GIB),
        ),
        (
            "ecs.vgn7i-vws-m4.xlarge",
            Instance("ecs.vgn7i-vws-m4.xlarge", 4, 30 * GIB, Fraction(1, 6), "A10", 4 * GIB),
        ),
    ],
)
def test_a_type_of_the_table(name: str, expected: Instance) -> None:
    assert instance_of(name) == expected


@pytest.mark.parametrize(
    ("name", "cpus", "gib"),
    [
        ("ecs.g9i.large", 2, 8),
        ("ecs.c9i.xlarge", 4, 8),
        ("ecs.r7a.24xlarge", 96, 768),
        ("ecs.hfg8i.6xlarge", 24, 96),
    ],
)
def test_a_name_that_is_in_no_table_says_what_it_has(name: str, cpus: int, gib: int) -> None:
    assert instance_of(name) == Instance(name, cpus, gib * GIB, derived=True)


def test_names_say_what_the_table_says_wherever_they_say_anything() -> None:
    named = {name: found for name in instance_types() if (found := by_name(name))}
    assert len(named) > 150
    for name, found in named.items():
        one = instance_types()[name]
        assert (found.cpus, found.memory) == (one.cpus, one.memory)
        assert not one.gpus


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ecs.g9i.small",
        "ecs.g9i.13xlarge",
        "ecs.g9i.48xlarge",
        "ecs.gn9i.2xlarge",
        "ecs.t6-c1m1.large",
        "g6.large",
        "ecs.g9i.large ",
        "ecs.g٩i.large",
        "ml.gu7xf.8xlarge-gu108",
    ],
)
def test_what_neither_table_nor_name_says_is_not_guessed(name: str) -> None:
    assert instance_of(name) is None


def test_near_types_are_like_it() -> None:
    assert near_types("ecs.gn6i-c4g1.xlage")[0] == "ecs.gn6i-c4g1.xlarge"
    assert near_types("g6.large")[0] == "ecs.g6.large"
    assert near_types("m5.4xl") == []
    assert near_types("x" * 100_000) == []
