"""The fidelity table: what this machine makes of every member of a request, and why.

A row is a member as a dotted path, such as ``JobSpecs[].ResourceConfig.GPU``; a free map such as
``Envs`` is one member. A test walks the models and fails when a member has no row of its own.
``docs/compatibility.md`` is this table as a page (`tools/compatibility.py`).

- honoured: does here what it does in the cloud
- approximated: does something close, and the row says what
- ignored: accepted and kept, without effect
- refused: a job that needs it would not be the same job, so it does not start
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec import to_json
from localdlc.spec.body import children
from localdlc.spec.fields import cloud, inputs, life, pod, running
from localdlc.spec.fields.row import Case, Row, Treatment
from localdlc.spec.paths import below
from localdlc.spec.problems import unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["ROWS", "SUBJECTS", "Case", "Row", "Treatment", "refusals", "report", "without_effect"]

SUBJECTS = {
    "What runs": running.TABLE,
    "What it finds there": inputs.TABLE,
    "What stands around a replica": pod.TABLE,
    "How it begins and ends": life.TABLE,
    "What only the cloud has": cloud.TABLE,
}
"""The table by subject."""

ROWS = {row.path: row for table in SUBJECTS.values() for row in table}
"""Every row by its path."""


def report(request: CreateJobRequest) -> list[Row]:
    """List a row for each member that the request gives; a refused value speaks for it."""
    found: dict[str, Row] = {}
    for _, row in _touched(request):
        if row.treatment == "refused":
            found[row.path] = row
        found.setdefault(row.path, row)
    return list(found.values())


def refusals(request: CreateJobRequest) -> list[Problem]:
    """List a problem for each value that keeps the job from starting here."""
    return _problems(request, "refused")


def without_effect(request: CreateJobRequest) -> list[Problem]:
    """List a problem for each value that is ignored: what ``--strict`` does not let pass."""
    return _problems(request, "ignored")


def _problems(request: CreateJobRequest, treatment: Treatment) -> list[Problem]:
    return [
        unsupported(path, row.why) for path, row in _touched(request) if row.treatment == treatment
    ]


def _touched(request: CreateJobRequest) -> Iterator[tuple[str, Row]]:
    for row, path, value in _walk(to_json(request), "", ""):
        yield path, row.for_value(request, path, value)


def _walk(node: Any, general: str, path: str) -> Iterator[tuple[Row, str, Any]]:
    if general in ROWS:
        yield ROWS[general], path, node
        return
    for step, child in children(node):
        step_in_general = "[]" if isinstance(step, int) else f".{step}"
        yield from _walk(child, (general + step_in_general).removeprefix("."), below(path, step))
