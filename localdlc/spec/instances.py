"""Instance types: what a replica with an ``EcsSpec`` has, from a table or from its name."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from pathlib import Path

__all__ = ["Instance", "instance_of", "instance_types", "near_types"]

TABLE = Path(__file__).with_name("instance_types.csv")
GIB = 1 << 30
# Of these families the name says all, up to the sizes where some begin to deviate from it.
NAMED = re.compile(r"ecs\.(?:hf)?([cgr])[0-9]+[a-z]*\.(large|xlarge|(?:2|3|4|6|8|12|16|24)xlarge)")
GIB_PER_CPU = {"c": 2, "g": 4, "r": 8}


@dataclass(frozen=True, slots=True)
class Instance:
    """One type: cores, bytes, and its GPUs, of which it may have a part of one.

    ``gpu_memory`` is in bytes, of what it has of each GPU; None where nobody says. What is
    ``derived`` is by the name alone.
    """

    name: str
    cpus: int
    memory: int
    gpus: Fraction = Fraction(0)
    gpu_type: str = ""
    gpu_memory: int | None = None
    derived: bool = False


@cache
def instance_types() -> Mapping[str, Instance]:
    """The whole table, read when it is first asked for."""
    with TABLE.open(newline="") as file:
        return {row["type"]: instance(row) for row in csv.DictReader(file)}


def instance(row: Mapping[str, str]) -> Instance:
    gpu_memory = row["gpu_memory_gib"]
    return Instance(
        row["type"],
        int(row["vcpu"]),
        int(row["memory_gib"]) * GIB,
        Fraction(row["gpus"]),
        row["gpu_type"],
        int(gpu_memory) * GIB if gpu_memory else None,
    )


def instance_of(name: str) -> Instance | None:
    """The type of this name; None where neither the table nor the name itself says what it has."""
    return instance_types().get(name) or by_name(name)


def by_name(name: str) -> Instance | None:
    """``ecs.<family>.<size>``: ``large`` is 2 cores, ``xlarge`` 4, ``<n>xlarge`` 4 n.

    The family's letter is the memory a core: c 2 GiB, g 4, r 8.
    """
    found = NAMED.fullmatch(name)
    if found is None:
        return None
    letter, size = found.groups()
    cpus = 2 if size == "large" else 4 * int(size.removesuffix("xlarge") or 1)
    return Instance(name, cpus, cpus * GIB_PER_CPU[letter] * GIB, derived=True)


def near_types(name: str) -> list[str]:
    """Up to three types whose names are like this one, the likest first."""
    return get_close_matches(name[:64].lower(), instance_types(), n=3, cutoff=0.75)
