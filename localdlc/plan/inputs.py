"""DataSources and CodeSource become inputs: what to bring from where, and where it is seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from localdlc.errors import InputError, Problem
from localdlc.plan.code import code_inputs
from localdlc.plan.data import configured_mounts, data_inputs
from localdlc.plan.host_paths import local_mounts
from localdlc.plan.model import Input
from localdlc.spec.problems import refusal

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.spec.request import CreateJobRequest


def inputs(
    request: CreateJobRequest, config: Config, job_id: str
) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Every input and the notes about them.

    Raises `InputError` with all that cannot be found or has no place of its own, `InvalidRequest`
    if a place is given twice by the request itself.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    found = [
        *data_inputs(request, config, job_id, problems, notes),
        *code_inputs(request, config, job_id, problems, notes),
        *local_mounts(request),
        *library_inputs(request),
    ]
    clashes = list(collisions(found))
    problems += [clash(first, second) for first, second in clashes]
    ours = configured(request, config, found)
    if any(ours.isdisjoint(map(mount_path, pair)) for pair in clashes):
        raise refusal(problems)
    if problems:
        raise InputError(f"{len(problems)} input(s) cannot be brought", tuple(problems))
    return tuple(found), tuple(notes)


def collisions(found: list[Input]) -> Iterator[tuple[Input, Input]]:
    """Inputs in one place; `check` sees only the MountPaths that the request spells out."""
    for first, second in combinations(found, 2):
        together = "" in (first.role, second.role) or first.role == second.role
        if first.target and first.target == second.target and together:
            yield first, second


def clash(first: Input, second: Input) -> Problem:
    sentence = f"{second.target} is the place of {mount_path(first)}, too; each needs its own"
    return Problem(mount_path(second), "InvalidParameter", sentence)


def mount_path(item: Input) -> str:
    """The member that says where an input is mounted, or would say so."""
    where = "CodeSource" if item.kind == "code" else item.where.removesuffix(".LocalPath")
    return f"{where}.MountPath"


def configured(request: CreateJobRequest, config: Config, found: list[Input]) -> set[str]:
    """Members whose value the request has not given alone."""
    code = request.CodeSource
    spelled = ((code and code.MountPath) or "").rstrip("/")
    named = {mount_path(item) for item in found if item.kind == "code" and item.target != spelled}
    return named | {f"{source}.MountPath" for source in configured_mounts(request, config)}


def library_inputs(request: CreateJobRequest) -> list[Input]:
    """What the image's pip installs in every replica before its command; nothing is mounted."""
    folder = (request.ThirdpartyLibDir or "").rstrip("/")
    listed = [f"{folder}/requirements.txt"] if folder else []
    return [Input("libs", wanted, "", False) for wanted in (*request.ThirdpartyLibs, *listed)]
