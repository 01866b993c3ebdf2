"""What is worth saying about a request although nothing in it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec.problems import note
from localdlc.spec.rules.places import roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["notes"]


def notes(request: CreateJobRequest) -> list[Problem]:
    """List a sentence for each thing that the cloud might see differently."""
    return [found for remark in _REMARKS for found in remark(request)]


def _replicas(request: CreateJobRequest) -> Iterator[Problem]:
    for path, spec in roles(request):
        if spec.PodCount is None:
            yield note(f"{path}.PodCount", "is absent; one replica is meant")


def _hardware(request: CreateJobRequest) -> Iterator[Problem]:
    for path, spec in roles(request):
        if request.ResourceId and spec.EcsSpec:
            yield note(
                f"{path}.EcsSpec",
                "goes without a ResourceId in the cloud; a quota takes ResourceConfig",
            )
        if not request.ResourceId and spec.ResourceConfig:
            yield note(f"{path}.ResourceConfig", "goes with a ResourceId in the cloud")


def _network(request: CreateJobRequest) -> Iterator[Problem]:
    vpc = request.UserVpc
    if vpc and vpc.SwitchId and not vpc.ExtendedCIDRs:
        yield note(
            "UserVpc.SwitchId", "goes with ExtendedCIDRs by the API's text; nothing here needs them"
        )


def _variables(request: CreateJobRequest) -> Iterator[Problem]:
    for index, item in enumerate(request.CustomEnvs):
        if item.Key in request.Envs and request.Envs[item.Key] != (item.Value or ""):
            yield note(f"CustomEnvs[{index}].Key", "is in Envs too, with another value")


_REMARKS: tuple[Callable[[CreateJobRequest], Iterator[Problem]], ...] = (
    _replicas,
    _hardware,
    _network,
    _variables,
)
