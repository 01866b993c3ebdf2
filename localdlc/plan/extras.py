"""ExtraPodSpec: what a role wants around its main container becomes the replica's pod."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from localdlc.errors import Problem
from localdlc.plan import sharing
from localdlc.plan.ask import millicores
from localdlc.plan.model import Mount, Resources
from localdlc.plan.pod import Pod, Rights, SideContainer
from localdlc.plan.secrets import names_a_secret
from localdlc.spec.quantity import cpus, memory_bytes
from localdlc.spec.rules.places import security_contexts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from localdlc.plan.resources import Host
    from localdlc.spec.jobspec import (
        Container,
        ContainerResources,
        ContainerSecurity,
        LifecycleHandler,
        PodExtras,
    )
    from localdlc.spec.request import CreateJobRequest

__all__ = ["pod_of", "unallowed"]

# With one of these a container is as good as root on the machine.
MIGHTY = frozenset(
    {"ALL", "BPF", "DAC_READ_SEARCH", "MAC_ADMIN", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE"}
    | {"SYS_PTRACE", "SYS_RAWIO"}
)
# Where a kubelet looks for profiles that are named without their whole path.
PROFILES = "/var/lib/kubelet/seccomp"


def pod_of(asked: PodExtras | None, images: Mapping[str, str], folder: Path, host: Host) -> Pod:
    """The pod of one replica; ``folder`` is where what its containers share will be."""
    if asked is None:
        return Pod()
    shared = tuple(
        Mount(str(folder / str(n)), posixpath.normpath(path), read_only=False)
        for n, path in enumerate(dict.fromkeys(asked.SharedVolumeMountPaths))
    )

    def sides(kind: str, containers: list[Container]) -> tuple[SideContainer, ...]:
        named = ((one.Name or f"{kind}-{n}", one) for n, one in enumerate(containers))
        return tuple(side(name, one, images, shared, host) for name, one in named)

    hooks = asked.Lifecycle
    return Pod(
        first=sides("init", asked.InitContainers),
        beside=sides("sidecar", asked.SideCarContainers),
        shared=shared,
        after_start=command_of(hooks.PostStart if hooks else None),
        before_stop=command_of(hooks.PreStop if hooks else None),
        rights=rights(asked.MainContainerSecurityContext),
        labels=labels(asked),
    )


def side(
    name: str, asked: Container, images: Mapping[str, str], shared: tuple[Mount, ...], host: Host
) -> SideContainer:
    env = {item.Name: item.Value or "" for item in asked.Env if item.Name}
    image = asked.Image or ""
    return SideContainer(
        name=name,
        image=images.get(image, image),
        command=tuple(asked.Command),
        arguments=tuple(asked.Args),
        folder=asked.WorkingDir or "",
        env=env,
        mounts=shared,
        resources=limits(asked.Resources, host),
        rights=rights(asked.SecurityContext),
        secrets=frozenset(name for name in env if names_a_secret(name)),
    )


def limits(asked: ContainerResources | None, host: Host) -> Resources:
    """What is asked for, as far as it is there; it is not a part of what replicas share.

    0 is no limit, as in Kubernetes.
    """
    given = {
        name: text for name, text in (asked.Limits if asked else {}).items() if text.strip("0.")
    }
    cores, memory = given.get("cpu"), given.get("memory")
    return Resources(
        cpus=sharing.cores(host.cpus).possible(millicores(cpus(cores))) / 1000 if cores else None,
        memory=sharing.memory(host.memory).possible(memory_bytes(memory)) if memory else None,
    )


def command_of(hook: LifecycleHandler | None) -> tuple[str, ...]:
    return tuple(hook.Exec.Command) if hook and hook.Exec else ()


def rights(asked: ContainerSecurity | None) -> Rights:
    """A group alone goes with root, the user of nearly every image."""
    if asked is None:
        return Rights()
    user = "" if asked.RunAsUser is None else str(asked.RunAsUser)
    group = "" if asked.RunAsGroup is None else f":{asked.RunAsGroup}"
    capabilities = asked.Capabilities
    return Rights(
        user=f"{user or '0'}{group}" if user or group else "",
        privileged=bool(asked.Privileged),
        added=tuple(capabilities.Add) if capabilities else (),
        dropped=tuple(capabilities.Drop) if capabilities else (),
        seccomp=seccomp(asked),
    )


def seccomp(asked: ContainerSecurity) -> str:
    profile = asked.SeccompProfile
    if profile is None or profile.Type not in {"Unconfined", "Localhost"}:
        return ""
    if profile.Type == "Unconfined":
        return "unconfined"
    return posixpath.join(PROFILES, profile.LocalhostProfile or "")


def labels(asked: PodExtras) -> dict[str, str]:
    """Both as labels of the container; what marks it as ours is not for others to say."""
    given = {**asked.PodLabels}
    given |= {f"annotation.{name}": text for name, text in asked.PodAnnotations.items()}
    return {name: text for name, text in given.items() if not name.startswith("localdlc.")}


def unallowed(request: CreateJobRequest) -> Iterator[Problem]:
    """Every right that gives the machine away."""
    sentence = "would give this machine away; --allow-privileged lets it"
    for path, context in security_contexts(request):
        if context.Privileged:
            yield Problem(f"{path}.Privileged", "UnsupportedOperation", sentence)
        added = context.Capabilities.Add if context.Capabilities else []
        for index, name in enumerate(added):
            if name.upper().removeprefix("CAP_") in MIGHTY:
                at = f"{path}.Capabilities.Add[{index}]"
                yield Problem(at, "UnsupportedOperation", f"{name} {sentence}")
