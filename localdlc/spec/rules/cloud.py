"""Rules of what only the cloud has: it is kept without effect, but its form is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid
from localdlc.spec.rules.places import roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.jobspec import HyperNode
    from localdlc.spec.request import CreateJobRequest

__all__ = ["nodes", "parallelism", "scaling"]

_BOUNDS = (
    ("EDPMinParallelism", "EDPMaxParallelism"),
    ("MinParallelism", "MaxParallelism"),
    ("PSMinParallelism", "PSMaxParallelism"),
)


def scaling(request: CreateJobRequest) -> Iterator[Problem]:
    """A role that scales has bounds, and a metric that can be waited for."""
    for path, spec in roles(request):
        asked, at = spec.AutoScalingSpec, f"{path}.AutoScalingSpec"
        if asked is None:
            continue
        yield from _bounds(at, asked, "MinReplicas", "MaxReplicas")
        metric = asked.AutoscalingMetricSpec
        if metric and (metric.StabilizationWindowSeconds or 0) < 0:
            where = f"{at}.AutoscalingMetricSpec.StabilizationWindowSeconds"
            yield invalid(where, "must be 0 or more")


def parallelism(request: CreateJobRequest) -> Iterator[Problem]:
    """Elastic training has bounds, too."""
    for least, most in _BOUNDS if request.ElasticSpec else ():
        yield from _bounds("ElasticSpec", request.ElasticSpec, least, most)


def nodes(request: CreateJobRequest) -> Iterator[Problem]:
    """Names of nodes are words with commas between."""
    for path, spec in roles(request):
        asked, at = spec.AssignNodeSpec, f"{path}.AssignNodeSpec"
        if asked is None:
            continue
        yield from _names(f"{at}.NodeNames", asked.NodeNames)
        yield from _names(f"{at}.AntiAffinityNodeNames", asked.AntiAffinityNodeNames)
        yield from _hyper_nodes(f"{at}.HyperNodes", asked.HyperNodes)
        yield from _hyper_nodes(f"{at}.AntiAffinityHyperNodes", asked.AntiAffinityHyperNodes)


def _hyper_nodes(path: str, asked: list[HyperNode]) -> Iterator[Problem]:
    for index, one in enumerate(asked):
        yield from _names(f"{path}[{index}].NodeNames", one.NodeNames)


def _names(path: str, text: str | None) -> Iterator[Problem]:
    if text and any(not name or " " in name for name in map(str.strip, text.split(","))):
        yield invalid(path, "must be names of nodes with commas between")


def _bounds(path: str, asked: object, least: str, most: str) -> Iterator[Problem]:
    low, high = (getattr(asked, name) for name in (least, most))
    for name, bound in ((least, low), (most, high)):
        if (bound or 0) < 0:
            yield invalid(f"{path}.{name}", "must be 0 or more")
    if low and high and low > high:
        yield invalid(f"{path}.{most}", f"must not be less than {least}, which is {low}")
