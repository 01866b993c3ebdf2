"""The parts of a request together with their paths, for rules to walk over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.spec.jobspec import Container, ContainerSecurity, JobSpec
    from localdlc.spec.request import CreateJobRequest, DataSource

__all__ = ["containers", "data_sources", "roles", "security_contexts"]


def roles(request: CreateJobRequest) -> Iterator[tuple[str, JobSpec]]:
    """``JobSpecs[0]`` … with their roles."""
    for index, spec in enumerate(request.JobSpecs):
        yield f"JobSpecs[{index}]", spec


def data_sources(request: CreateJobRequest) -> Iterator[tuple[str, DataSource]]:
    """``DataSources[0]`` … with their sources."""
    for index, source in enumerate(request.DataSources):
        yield f"DataSources[{index}]", source


def containers(request: CreateJobRequest) -> Iterator[tuple[str, Container]]:
    """Init and sidecar containers of every role."""
    for path, spec in roles(request):
        extra = spec.ExtraPodSpec
        if extra is None:
            continue
        for index, container in enumerate(extra.InitContainers):
            yield f"{path}.ExtraPodSpec.InitContainers[{index}]", container
        for index, container in enumerate(extra.SideCarContainers):
            yield f"{path}.ExtraPodSpec.SideCarContainers[{index}]", container


def security_contexts(request: CreateJobRequest) -> Iterator[tuple[str, ContainerSecurity]]:
    """Security contexts of main, init and sidecar containers."""
    for path, spec in roles(request):
        if spec.ExtraPodSpec and spec.ExtraPodSpec.MainContainerSecurityContext:
            context = spec.ExtraPodSpec.MainContainerSecurityContext
            yield f"{path}.ExtraPodSpec.MainContainerSecurityContext", context
    for path, container in containers(request):
        if container.SecurityContext:
            yield f"{path}.SecurityContext", container.SecurityContext
