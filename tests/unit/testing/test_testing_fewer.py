"""Fewer replicas than the request has."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from localdlc.errors import UsageError
from localdlc.testing.fewer import with_replicas


def counts(replicas: int | Mapping[str, int] | None, **roles: int) -> dict[str, int]:
    specs = [{"Type": role, "PodCount": count} for role, count in roles.items()]
    changed = json.loads(with_replicas(json.dumps({"JobSpecs": specs}).encode(), replicas))
    return {spec["Type"]: spec["PodCount"] for spec in changed["JobSpecs"]}


@pytest.mark.parametrize(
    ("replicas", "left"),
    [
        (None, {"Chief": 1, "Worker": 8, "PS": 3}),
        (12, {"Chief": 1, "Worker": 8, "PS": 3}),
        (100, {"Chief": 1, "Worker": 8, "PS": 3}),
        (7, {"Chief": 1, "Worker": 3, "PS": 3}),
        (3, {"Chief": 1, "Worker": 1, "PS": 1}),
        ({"Worker": 2}, {"Chief": 1, "Worker": 2, "PS": 3}),
        ({"Worker": 9, "PS": 1}, {"Chief": 1, "Worker": 9, "PS": 1}),
    ],
)
def test_the_largest_roles_give_way_and_each_keeps_one(
    replicas: int | Mapping[str, int] | None, left: dict[str, int]
) -> None:
    assert counts(replicas, Chief=1, Worker=8, PS=3) == left


def test_a_missing_count_is_one() -> None:
    body = json.dumps({"JobSpecs": [{"Type": "Worker", "PodCount": 3}, {"Type": "PS"}]}).encode()
    specs = json.loads(with_replicas(body, 2))["JobSpecs"]
    assert [spec["PodCount"] for spec in specs] == [1, 1]


def test_fewer_than_roles_are_too_few() -> None:
    with pytest.raises(UsageError, match=r"replicas=1: the request has 2 roles \(Chief, Worker\)"):
        counts(1, Chief=1, Worker=8)


def test_an_unknown_role_is_told() -> None:
    with pytest.raises(UsageError, match=r"has no role PS; it has: Chief, Worker"):
        counts({"PS": 1}, Chief=1, Worker=8)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"JobSpecs": 3}', b'{"JobSpecs": [{"Type": []}]}'])
def test_what_is_no_request_is_left_to_who_checks_it(body: bytes) -> None:
    assert with_replicas(body, 2) == body
