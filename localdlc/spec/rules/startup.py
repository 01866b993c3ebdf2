"""Rules of StartupDependencies: who waits for whom, for how many of them, and never in a circle."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, one_of, quoted
from localdlc.spec.rules.places import roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.jobspec import StartupDependency
    from localdlc.spec.request import CreateJobRequest

__all__ = ["circles", "minimums", "upstreams"]

PHASES = ("Running", "Succeeded", "ServiceReady")


def upstreams(request: CreateJobRequest) -> Iterator[Problem]:
    """Roles wait for other roles of the same job."""
    names = list(Counter(spec.Type for spec in request.JobSpecs if spec.Type))
    for path, own, upstream in dependencies(request):
        if upstream.Type is None:
            yield missing(f"{path}.Type", "is required: the role to wait for")
        elif upstream.Type == own:
            yield invalid(f"{path}.Type", "is the role itself, which cannot wait for itself")
        else:
            yield from one_of(f"{path}.Type", upstream.Type, names)
        yield from one_of(f"{path}.OnPhase", upstream.OnPhase, PHASES)


def minimums(request: CreateJobRequest) -> Iterator[Problem]:
    """A number of replicas that there are, or a percentage of them."""
    counts = {spec.Type: spec.replicas for spec in request.JobSpecs}
    for path, _, upstream in dependencies(request):
        text, there = upstream.MinReplicas, counts.get(upstream.Type)
        if not text:
            continue
        at = f"{path}.MinReplicas"
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?%", text):
            if not 0 < float(text[:-1]) <= 100:
                yield invalid(at, f"must be above 0% and at most 100%, not {quoted(text)}")
        elif not re.fullmatch(r"[0-9]{1,9}", text):
            yield invalid(at, f'must be a number or a percentage: "2" or "50%", not {quoted(text)}')
        elif there is not None and not 1 <= int(text) <= there:
            yield invalid(at, f"must be 1 to {there}: so many replicas has {upstream.Type}")


def circles(request: CreateJobRequest) -> Iterator[Problem]:
    """Roles that wait for each other wait for ever; each circle is told once."""
    waits: dict[str, list[str]] = {}
    for _, own, upstream in dependencies(request):
        waits.setdefault(own, []).append(upstream.Type or "")
    told: set[frozenset[str]] = set()
    for path, spec in roles(request):
        circle = way_back(spec.Type or "", waits)
        if len(circle) > 2 and frozenset(circle) not in told:
            told.add(frozenset(circle))
            sentence = f"these roles wait for each other: {' -> '.join(circle)}"
            yield invalid(f"{path}.StartupDependencies", sentence)


def way_back(start: str, waits: dict[str, list[str]]) -> list[str]:
    """The shortest way from a role along what it waits for to itself; empty if there is none."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for following in waits.get(way[-1], ()):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def dependencies(request: CreateJobRequest) -> Iterator[tuple[str, str, StartupDependency]]:
    """Each with its path and the role that has it."""
    for path, spec in roles(request):
        for index, upstream in enumerate(spec.StartupDependencies):
            yield f"{path}.StartupDependencies[{index}]", spec.Type or "", upstream
