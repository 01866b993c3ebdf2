"""What a replica is given, what is capped, and how long a job may take."""

from __future__ import annotations

from typing import Any

import pytest
from given import planned, request

from localdlc.plan.model import Resources

GIB = 1 << 30


def given(**asked: str) -> tuple[Resources, tuple[str, ...]]:
    body = request(
        {"Worker": 1}, JobSpecs=[{"Type": "Worker", "Image": "i", "ResourceConfig": asked}]
    )
    plan = planned(body)
    return plan.replicas[0].resources, plan.notes


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, Resources(None, None, 8 * GIB)),
        ({"CPU": "500m"}, Resources(0.5, None, 8 * GIB)),
        ({"CPU": "8", "Memory": "16Gi"}, Resources(8.0, 16 * GIB, 8 * GIB)),
        ({"Memory": "1Gi"}, Resources(None, GIB, GIB // 2)),
        ({"Memory": "64Mi"}, Resources(None, 64 << 20, 64 << 20)),
        ({"Memory": "4Gi", "SharedMemory": "3Gi"}, Resources(None, 4 * GIB, 3 * GIB)),
        ({"CPU": "", "Memory": "", "SharedMemory": ""}, Resources(None, None, 8 * GIB)),
    ],
)
def test_limits_are_what_is_asked(asked: dict[str, str], expected: Resources) -> None:
    assert given(**asked) == (expected, ())


@pytest.mark.parametrize(
    ("asked", "expected", "note"),
    [
        ({"CPU": "9"}, Resources(8.0, None, 8 * GIB), "CPU asked 9 cores, given 8"),
        ({"Memory": "1Ti"}, Resources(None, 16 * GIB, 8 * GIB), "Memory asked 1024 GiB, given 16"),
        (
            {"Memory": "2Gi", "SharedMemory": "3Gi"},
            Resources(None, 2 * GIB, 2 * GIB),
            "SharedMemory asked 3 GiB, given 2 GiB",
        ),
    ],
)
def test_what_this_machine_has_not_is_capped_with_a_note(
    asked: dict[str, str], expected: Resources, note: str
) -> None:
    resources, notes = given(**asked)
    assert resources == expected
    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize(("minutes", "seconds"), [(90, 5400), (0, None), (None, None)])
def test_a_deadline_counts_in_minutes_and_0_is_none(
    minutes: int | None, seconds: int | None
) -> None:
    body = request({"Worker": 1}, JobMaxRunningTimeMinutes=minutes)
    assert planned(body).deadline_seconds == seconds


@pytest.mark.parametrize(
    ("asked", "setting", "seconds"),
    [(None, None, 10.0), (30, None, 30.0), (0, None, 0.0), (30, 1.5, 1.5), (30, 0.0, 0.0)],
)
def test_grace_is_the_users_then_the_requests_then_ours(
    asked: int | None, setting: float | None, seconds: float
) -> None:
    settings: dict[str, Any] = {"TerminationGracePeriodSeconds": asked}
    plan = planned(request({"Worker": 1}, Settings=settings), grace=setting)
    assert plan.grace_seconds == seconds


def test_a_role_may_have_a_command_of_its_own() -> None:
    specs = [
        {"Type": "Master", "Image": "i"},
        {"Type": "Worker", "Image": "j", "UserCommand": "own"},
    ]
    plan = planned(request({}, JobSpecs=specs), image_map={"j": "local"})
    assert [(r.image, r.command[-1]) for r in plan.replicas] == [
        ("i", "python train.py"),
        ("local", "own"),
    ]
