"""Folders of this machine that a job wants to see, and those that it must not see by mistake.

Pure: symbolic links are followed elsewhere, and what they lead to is judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localdlc.errors import Problem
from localdlc.plan.model import Input

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["HostPath", "Protected", "host_paths", "local_mounts", "refused"]


@dataclass(frozen=True, slots=True)
class Protected:
    """A place that matters: it and all above it; with ``below`` all that is in it, too.

    ``but`` is what people keep data in all the same.
    """

    path: Path
    why: str
    below: bool = True
    but: tuple[Path, ...] = ()

    def holds(self, path: Path) -> bool:
        inside = self.below and path.is_relative_to(self.path)
        usual = any(path != place and path.is_relative_to(place) for place in self.but)
        return self.path.is_relative_to(path) or (inside and not usual)


@dataclass(frozen=True, slots=True)
class HostPath:
    """A folder that would be mounted, and the member of the request or the flag that names it."""

    where: str
    path: Path


def local_mounts(request: CreateJobRequest) -> Iterator[Input]:
    """LocalMountSpecs of mode Filesystem, each for the replicas of its role (dlc-api A.2.4)."""
    for index, spec in enumerate(request.JobSpecs or ()):
        for number, mount in enumerate(spec.LocalMountSpecs):
            source, target = mount.LocalPath or "", mount.MountPath or ""
            where = f"JobSpecs[{index}].LocalMountSpecs[{number}].LocalPath"
            if mount.MountMode != "Block":
                role = spec.Type or ""
                yield Input("data", source, target, False, source, role=role, where=where)


def host_paths(inputs: Iterable[Input]) -> Iterator[HostPath]:
    """What a plan's ``inputs`` mount of this machine: all but what is brought into the home."""
    for item in inputs:
        if item.source and not item.fetch and not item.checkout:
            yield HostPath(item.where, Path(item.source))


def refused(
    wanted: HostPath, real: Path, protected: Iterable[Protected], allowed: Iterable[Path]
) -> Problem | None:
    """Why ``wanted``, whose symbolic links lead to ``real``, is not mounted, if it is not.

    What is ``allowed`` is, with all below it. All paths are without symbolic links.
    """
    if any(real.is_relative_to(place) for place in allowed):
        return None
    found = next((place for place in protected if place.holds(real)), None)
    if found is None:
        return None
    led = "" if real == wanted.path else f", which leads to {real},"
    what = (
        f"is {found.why}" if real.is_relative_to(found.path) else f"holds {found.path}, {found.why}"
    )
    return Problem(
        wanted.where,
        "InvalidParameter",
        f"{wanted.path}{led} {what}, and containers could do harm there. "
        f"Mount a folder for the purpose, or say --allow-host-path {real}.",
    )
