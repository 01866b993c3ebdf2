"""DataSources and CodeSource become inputs: what to bring from where, and where it is seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from localdlc.errors import InputError, Problem
from localdlc.plan.code import code_inputs
from localdlc.plan.data import data_inputs
from localdlc.plan.host_paths import local_mounts
from localdlc.plan.model import Input

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.spec.request import CreateJobRequest


def inputs(
    request: CreateJobRequest, config: Config, job_id: str
) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Every input and the notes about them; raises `InputError` with all that cannot be found."""
    problems: list[Problem] = []
    notes: list[str] = []
    found = [
        *data_inputs(request, config, job_id, problems, notes),
        *code_inputs(request, config, job_id, problems, notes),
        *local_mounts(request),
        *library_inputs(request),
    ]
    problems += collisions(found)
    if problems:
        raise InputError(f"{len(problems)} input(s) cannot be brought", tuple(problems))
    return tuple(found), tuple(notes)


def collisions(found: list[Input]) -> list[Problem]:
    """No two inputs in one place; `check` sees only the MountPaths that the request spells out."""
    crowded = {
        target: count
        for role in {"", *(item.role for item in found)}
        for target, count in Counter(
            item.target for item in found if item.target and item.role in {"", role}
        ).items()
        if count > 1
    }
    return [
        Problem(
            "", "InvalidParameter", f"{count} inputs are mounted at {target}; each needs its own."
        )
        for target, count in sorted(crowded.items())
    ]


def library_inputs(request: CreateJobRequest) -> list[Input]:
    """What the image's pip installs in every replica before its command; nothing is mounted."""
    folder = (request.ThirdpartyLibDir or "").rstrip("/")
    listed = [f"{folder}/requirements.txt"] if folder else []
    return [Input("libs", wanted, "", False) for wanted in (*request.ThirdpartyLibs, *listed)]
