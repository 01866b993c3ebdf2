"""Rules of the roles (``JobSpecs``): which there may be, how many replicas, what they run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, nearest, one_of, quoted
from localdlc.spec.rules.places import roles
from localdlc.spec.unknown import misspelt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.jobspec import JobSpec
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "ROLES",
    "distinct_roles",
    "hyper_nodes",
    "images",
    "one_chief",
    "one_leader",
    "replica_limit",
    "restart_policies",
    "role_types",
    "services",
    "tensorflow_worker",
    "zero_replicas",
]

_LED = ("Master", "Worker")
ROLES = {
    "TFJob": ("Chief", "PS", "Worker", "Evaluator", "GraphLearn"),
    "PyTorchJob": _LED,
    "XGBoostJob": _LED,
    "OneFlowJob": _LED,
    "ElasticBatchJob": _LED,
    "MPIJob": ("Master", "Worker", "Launcher"),
    "RayJob": ("Head", "Worker"),
}
"""The roles of each JobType that documents them; RayJob also takes ``Worker-<suffix>``."""

_LEADERS = ("Master", "Launcher", "Chief", "Head")
# PodIds are host names: `dlc` and 13 more, the role, an index; 63 characters hold this much role.
_ROLE_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,38}[A-Za-z0-9])?")
_MOST_REPLICAS = 256


def role_types(request: CreateJobRequest) -> Iterator[Problem]:
    """Every role is one that the JobType knows."""
    for path, spec in roles(request):
        if not (spec.Type or "").strip():
            yield missing(f"{path}.Type", f"is required{_choices(request)}{misspelt(spec, 'Type')}")
        elif not _is_role(request, spec):
            yield from _strange_role(request, f"{path}.Type", spec.Type or "")


def distinct_roles(request: CreateJobRequest) -> Iterator[Problem]:
    """One element a role: PodIds are made of its lower-cased name."""
    first: dict[str, str] = {}
    for path, spec in roles(request):
        name = (spec.Type or "").lower().replace("launcher", "master")
        if name and name in first:
            sentence = (
                f"{quoted(spec.Type or '')} is also the role of {first[name]}; use one element"
            )
            yield invalid(f"{path}.Type", sentence)
        first.setdefault(name, path)


def one_leader(request: CreateJobRequest) -> Iterator[Problem]:
    """There is one Master, Chief or Head at most."""
    for path, spec in roles(request):
        if spec.Type in _LEADERS and spec.replicas > 1:
            yield invalid(f"{path}.PodCount", f"must be 1: a job has one {spec.Type}")


def zero_replicas(request: CreateJobRequest) -> Iterator[Problem]:
    """PodCount 0 is for the roles beside a Master, Chief or Head; nothing at all is no job."""
    led = any(spec.Type in _LEADERS and spec.replicas >= 1 for _, spec in roles(request))
    for path, spec in roles(request):
        if spec.replicas < 0:
            yield invalid(f"{path}.PodCount", "must not be negative")
        elif spec.replicas == 0 and not led:
            sentence = "must be 1 or more; 0 is only for a role beside a Master, Chief or Head"
            yield invalid(f"{path}.PodCount", sentence)


def replica_limit(request: CreateJobRequest) -> Iterator[Problem]:
    """All replicas run on this machine, each with an address in one small network."""
    total = sum(max(spec.replicas, 0) for spec in request.JobSpecs)
    if total > _MOST_REPLICAS:
        path, _ = max(roles(request), key=lambda role: role[1].replicas)
        sentence = (
            f"the job has {total:,} replicas; one machine runs at most {_MOST_REPLICAS} of a job"
        )
        yield invalid(f"{path}.PodCount", sentence)


def tensorflow_worker(request: CreateJobRequest) -> Iterator[Problem]:
    """Chief or Workers decide a TFJob, so it needs one of them."""
    known = all(_is_role(request, spec) for spec in request.JobSpecs)
    if request.JobType != "TFJob" or not request.JobSpecs or not known:
        return
    if not any(spec.Type in ("Chief", "Worker") for spec in request.JobSpecs):
        yield invalid("JobSpecs", "a TFJob needs a Chief or a Worker")


def one_chief(request: CreateJobRequest) -> Iterator[Problem]:
    """IsChief marks one role at most."""
    chiefs = [path for path, spec in roles(request) if spec.chief]
    for path in chiefs[1:]:
        yield invalid(f"{path}.IsChief", f"only one role may be chief; {chiefs[0]} is already")


def images(request: CreateJobRequest) -> Iterator[Problem]:
    """Every role has an image whose name an engine can read."""
    for path, spec in roles(request):
        yield from image(f"{path}.Image", spec.Image, misspelt(spec, "Image"))


def image(path: str, reference: str | None, hint: str = "") -> Iterator[Problem]:
    """Images are references such as ``registry/name:tag``."""
    if not (reference or "").strip():
        yield missing(path, f"is required: an image reference such as python:3.11-slim{hint}")
    elif re.search(r"\s", reference or ""):
        yield invalid(path, "must not hold white space")
    elif re.match(r"-|/|[a-z]+://", reference or ""):
        yield invalid(
            path, "must be an image reference such as registry/name:tag, without a scheme"
        )


def restart_policies(request: CreateJobRequest) -> Iterator[Problem]:
    """Policies say what happens when a replica ends."""
    allowed = ("Always", "Never", "OnFailure", "ExitCode")
    for path, spec in roles(request):
        yield from one_of(f"{path}.RestartPolicy", spec.RestartPolicy, allowed)


def services(request: CreateJobRequest) -> Iterator[Problem]:
    """Services have a mode and ports; 0 is an answer's way to say none."""
    for path, spec in roles(request):
        service = spec.ServiceSpec
        if service is None:
            continue
        at = f"{path}.ServiceSpec"
        yield from one_of(f"{at}.ServiceMode", service.ServiceMode, ("PerPod", "PerRole"))
        if not 0 <= (service.DefaultPort or 0) <= 65535:
            yield invalid(f"{at}.DefaultPort", "must be a port: 1 to 65535")
        for index, port in enumerate(service.ExtraPorts):
            if not 1 <= port <= 65535:
                yield invalid(f"{at}.ExtraPorts[{index}]", "must be a port: 1 to 65535")


def hyper_nodes(request: CreateJobRequest) -> Iterator[Problem]:
    """Gang placement knows one policy and a positive minimum."""
    for path, spec in roles(request):
        config = spec.HyperNodeSchedulingConfig
        if config is None:
            continue
        at = f"{path}.HyperNodeSchedulingConfig"
        yield from one_of(f"{at}.QualityPolicy", config.QualityPolicy, ("AlwaysRequire",))
        if (config.MinAvailable or 0) < 0:
            yield invalid(f"{at}.MinAvailable", "must be 1 or more")


def _is_role(request: CreateJobRequest, spec: JobSpec) -> bool:
    """Ask whether the JobType knows the role; one without a documented list takes any name."""
    name = spec.Type or ""
    allowed = ROLES.get(request.JobType or "")
    if allowed is None or (request.JobType == "RayJob" and name.startswith("Worker-")):
        return bool(_ROLE_NAME.fullmatch(name))
    return name in allowed


def _strange_role(request: CreateJobRequest, path: str, name: str) -> Iterator[Problem]:
    allowed = ROLES.get(request.JobType or "")
    if allowed is None or name.startswith("Worker-"):
        sentence = "must be letters, digits and '-', begin with a letter, and have at most 40"
        yield invalid(path, sentence)
        return
    leader = next((role for role in allowed if role in _LEADERS), None)
    meant = leader if name.title() in _LEADERS else nearest(name, allowed)
    hint = f"; did you mean {meant}?" if meant else ""
    yield invalid(path, f"{quoted(name)} is no role of {request.JobType}{_choices(request)}{hint}")


def _choices(request: CreateJobRequest) -> str:
    allowed = ROLES.get(request.JobType or "")
    return f": {', '.join(allowed)}" if allowed else ""
