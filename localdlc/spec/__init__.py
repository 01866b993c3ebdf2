"""WHAT WAS ASKED: a CreateJob body becomes a request, or a list of everything wrong with it.

The room is pure, and the only one that uses pydantic; it is imported when a request is read::

    asked = read_request(data)          # InvalidRequest carries every problem at once
    asked.request.JobSpecs[0].PodCount  # the API's own names
    fields.report(asked.request)        # what this machine makes of each member
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localdlc.errors import Problem
    from localdlc.spec.check import Rule
    from localdlc.spec.request import CreateJobRequest

__all__ = ["Asked", "read_request", "to_json"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A sound request, and notes on what in it is unknown or will surprise."""

    request: CreateJobRequest
    notes: tuple[Problem, ...] = ()


def read_request(
    data: bytes, overrides: Sequence[str] = (), strict: bool = False, rules: Sequence[Rule] = ()
) -> Asked:
    """Read the request in a body, after the ``PATH=VALUE`` overrides.

    It is held to ``rules`` beside the room's own.

    Raises InvalidRequest with all problems in the order of the body; with ``strict`` an unknown
    member is one of them. Raises UsageError for an override that has no such place.
    """
    from localdlc.spec.reading import read

    request, notes = read(data, overrides, strict=strict, rules=rules)
    return Asked(request, tuple(notes))


def to_json(request: CreateJobRequest) -> dict[str, Any]:
    """Write the request as it would be sent: absent members left out, unknown ones kept."""
    from localdlc.spec import shape

    return shape.to_json(request)
