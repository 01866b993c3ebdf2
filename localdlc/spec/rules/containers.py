"""Rules of what stands around the main container: side containers and security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, one_of
from localdlc.spec.rules.places import containers, roles, security_contexts
from localdlc.spec.rules.roles import image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["seccomp", "shared_volumes", "side_images", "users"]


def side_images(request: CreateJobRequest) -> Iterator[Problem]:
    """Init and sidecar containers have images too."""
    for path, container in containers(request):
        yield from image(f"{path}.Image", container.Image)


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
