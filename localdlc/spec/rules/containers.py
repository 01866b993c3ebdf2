"""Rules of what stands around the main container: side containers and security."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, one_of
from localdlc.spec.rules.places import containers, roles, security_contexts
from localdlc.spec.rules.roles import image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["seccomp", "shared_volumes", "side_images", "side_names", "users"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def side_images(request: CreateJobRequest) -> Iterator[Problem]:
    """Init and sidecar containers have images too."""
    for path, container in containers(request):
        yield from image(f"{path}.Image", container.Image)


def side_names(request: CreateJobRequest) -> Iterator[Problem]:
    """Names are Kubernetes' (DNS labels), and those of one pod differ."""
    seen: dict[tuple[str, str], str] = {}
    for path, container in containers(request):
        name = container.Name
        if name is None:
            continue
        if not _NAME.fullmatch(name):
            sentence = "must be lower-case letters, digits and '-', at most 63"
            yield invalid(f"{path}.Name", sentence)
        first = seen.setdefault((path.partition(".")[0], name), path)
        if first != path:
            yield invalid(f"{path}.Name", f"is also the Name of {first}; each needs its own")


def shared_volumes(request: CreateJobRequest) -> Iterator[Problem]:
    """Folders of the containers."""
    for path, spec in roles(request):
        folders = spec.ExtraPodSpec.SharedVolumeMountPaths if spec.ExtraPodSpec else []
        for index, folder in enumerate(folders):
            if not folder.startswith("/"):
                at = f"{path}.ExtraPodSpec.SharedVolumeMountPaths[{index}]"
                yield invalid(at, "must be an absolute path in the container")


def users(request: CreateJobRequest) -> Iterator[Problem]:
    """Ids of users and groups count from 0."""
    for path, context in security_contexts(request):
        for name in ("RunAsUser", "RunAsGroup"):
            if not 0 <= (getattr(context, name) or 0) < 2**32 - 1:
                yield invalid(f"{path}.{name}", "must be an id: 0 to 4294967294")


def seccomp(request: CreateJobRequest) -> Iterator[Problem]:
    """Profiles of the node go with Localhost, and only with it."""
    for path, context in security_contexts(request):
        profile, at = context.SeccompProfile, f"{path}.SeccompProfile"
        if profile is None:
            continue
        allowed = ("Localhost", "RuntimeDefault", "Unconfined")
        yield from one_of(f"{at}.Type", profile.Type, allowed)
        if profile.Type == "Localhost" and not profile.LocalhostProfile:
            yield missing(f"{at}.LocalhostProfile", "is required with Type Localhost")
        if profile.Type in allowed[1:] and profile.LocalhostProfile:
            yield invalid(f"{at}.LocalhostProfile", "is only for Type Localhost")
