"""Rules of the job as a whole: its name, type, policies and size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localdlc.spec import body
from localdlc.spec.problems import invalid, missing, one_of
from localdlc.spec.shape import to_json
from localdlc.spec.unknown import misspelt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "JOB_TYPES",
    "accessibility",
    "considered",
    "display_name",
    "job_type",
    "options",
    "priority",
    "required_members",
    "running_time",
    "size",
    "success_policy",
    "template_version",
    "text",
]

JOB_TYPES = (
    "TFJob",
    "PyTorchJob",
    "MPIJob",
    "XGBoostJob",
    "OneFlowJob",
    "ElasticBatchJob",
    "SlurmJob",
    "RayJob",
    "DataJuicerJob",
)
_TYPE_SYNONYMS = {"tf": "TFJob", "tensorflow": "TFJob", "tensorflowjob": "TFJob"} | {
    name.removesuffix("Job").lower(): name for name in JOB_TYPES
}
_REQUIRED = ("DisplayName", "JobType", "JobSpecs", "UserCommand")
_NAME = re.compile(r"[A-Za-z0-9_.-]*")
_LONGEST_NAME = 256


def required_members(request: CreateJobRequest) -> Iterator[Problem]:
    """Four members make a job; a blank string is none."""
    for name in _REQUIRED:
        value = getattr(request, name)
        if not value or (isinstance(value, str) and not value.strip()):
            yield missing(name, f"is required{misspelt(request, name)}")


def display_name(request: CreateJobRequest) -> Iterator[Problem]:
    """At most 256 characters out of letters, digits and ``_.-``."""
    name = request.DisplayName or ""
    if len(name) > _LONGEST_NAME:
        yield invalid("DisplayName", f"has {len(name)} characters; {_LONGEST_NAME} are allowed")
    if name.strip() and not _NAME.fullmatch(name):
        stranger = next(letter for letter in name if not _NAME.fullmatch(letter))
        sentence = f"may hold letters A to Z, digits, '_', '.' and '-', but not {stranger!a}"
        yield invalid("DisplayName", sentence)


def job_type(request: CreateJobRequest) -> Iterator[Problem]:
    """One of the nine types, in this case."""
    if (request.JobType or "").strip():
        yield from one_of("JobType", request.JobType, JOB_TYPES, _TYPE_SYNONYMS)


def success_policy(request: CreateJobRequest) -> Iterator[Problem]:
    """Which replicas must end well."""
    yield from one_of(
        "SuccessPolicy", request.SuccessPolicy, ("AllWorkers", "ChiefWorker", "Partial")
    )


def considered(request: CreateJobRequest) -> Iterator[Problem]:
    """Partial is about the roles that are flagged, so there must be one, and somebody in it."""
    flagged = any(spec.ConsiderInSuccessPolicy and spec.replicas for spec in request.JobSpecs)
    if request.SuccessPolicy == "Partial" and not flagged:
        sentence = "Partial needs a role with ConsiderInSuccessPolicy true: those decide"
        yield invalid("SuccessPolicy", sentence)


def accessibility(request: CreateJobRequest) -> Iterator[Problem]:
    """Who may see the job."""
    yield from one_of("Accessibility", request.Accessibility, ("PUBLIC", "PRIVATE"))


def priority(request: CreateJobRequest) -> Iterator[Problem]:
    """1 to 9; answers show 0 where none was given."""
    if request.Priority is not None and not 0 <= request.Priority <= 9:
        yield invalid("Priority", "must be 1 (lowest) to 9 (highest), or 0 for none")


def running_time(request: CreateJobRequest) -> Iterator[Problem]:
    """Minutes; answers show 0 where there is no limit."""
    if (request.JobMaxRunningTimeMinutes or 0) < 0:
        yield invalid("JobMaxRunningTimeMinutes", "must be 1 or more, or 0 for no limit")


def template_version(request: CreateJobRequest) -> Iterator[Problem]:
    """Versions count from 1."""
    if (request.TemplateVersion or 0) < 0:
        yield invalid("TemplateVersion", "must be 1 or more")


def options(request: CreateJobRequest) -> Iterator[Problem]:
    """``key=value`` pairs between commas."""
    pairs = (request.Options or "").rstrip(", ")
    if pairs and not all(re.match(r"\s*[^\s=]+\s*=", pair) for pair in pairs.split(",")):
        yield invalid("Options", "must be key=value pairs with commas between: k1=v1,k2=v2")


def size(request: CreateJobRequest) -> Iterator[Problem]:
    """All parameters together have 65,536 bytes at most."""
    flaw = body.size_flaw(to_json(request))
    if flaw:
        yield invalid("", flaw)


def text(request: CreateJobRequest) -> Iterator[Problem]:
    """No NUL character and no half surrogate pair, in names and values alike."""
    yield from body.flaws(to_json(request))
