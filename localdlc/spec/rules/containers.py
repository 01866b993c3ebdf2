"""Rules of what stands around the main container: side containers and security."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, nearest, one_of, quoted
from localdlc.spec.rules.inputs import mount_flaw, mounts, place_of
from localdlc.spec.rules.places import containers, roles, security_contexts
from localdlc.spec.rules.roles import image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["capabilities", "seccomp", "shared_volumes", "side_images", "side_names", "users"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Linux's, as Kubernetes spells them; engines take them with CAP_ before them, too.
_CAPABILITIES = """
    ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN
    DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE
    MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP
    SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT
    SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
""".split()  # noqa: SIM905 - as a list it has forty lines


def side_images(request: CreateJobRequest) -> Iterator[Problem]:
    """Init and sidecar containers have images too."""
    for path, container in containers(request):
        yield from image(f"{path}.Image", container.Image)


def side_names(request: CreateJobRequest) -> Iterator[Problem]:
    """Names are Kubernetes' (DNS labels), and those of one pod differ."""
    seen: dict[tuple[str, str], str] = {}
    for path, container in containers(request):
        name = container.Name or default_name(path)
        if not _NAME.fullmatch(name):
            sentence = "must be lower-case letters, digits and '-', at most 63"
            yield invalid(f"{path}.Name", sentence)
        first = seen.setdefault((path.partition(".")[0], name), path)
        if first != path:
            yield invalid(f"{path}.Name", f"is also the Name of {first}; each needs its own")


def default_name(path: str) -> str:
    """Who has no Name is called by its place: ``init-0``, ``sidecar-1``."""
    kind, _, index = path.rpartition(".")[2].rstrip("]").partition("[")
    return f"{'init' if kind == 'InitContainers' else 'sidecar'}-{index}"


def shared_volumes(request: CreateJobRequest) -> Iterator[Problem]:
    """Folders of the containers, where nothing else is."""
    for path, spec in roles(request):
        folders = spec.ExtraPodSpec.SharedVolumeMountPaths if spec.ExtraPodSpec else []
        own = [
            (f"{path}.LocalMountSpecs[{index}].MountPath", local.MountPath or "")
            for index, local in enumerate(spec.LocalMountSpecs)
        ]
        first = {place_of(place): where for where, place in (*mounts(request), *own) if place}
        for index, folder in enumerate(folders):
            at = f"{path}.ExtraPodSpec.SharedVolumeMountPaths[{index}]"
            if flaw := mount_flaw(folder):
                yield invalid(at, flaw)
            elif (there := first.setdefault(place_of(folder), at)) != at:
                yield invalid(at, f"is the place of {there}, too; each needs its own")


def users(request: CreateJobRequest) -> Iterator[Problem]:
    """Ids of users and groups count from 0."""
    for path, context in security_contexts(request):
        for name in ("RunAsUser", "RunAsGroup"):
            if not 0 <= (getattr(context, name) or 0) < 2**32 - 1:
                yield invalid(f"{path}.{name}", "must be an id: 0 to 4294967294")


def capabilities(request: CreateJobRequest) -> Iterator[Problem]:
    """Engines create no container with one that they do not know."""
    for path, context in security_contexts(request):
        for kind in ("Add", "Drop"):
            for index, name in enumerate(getattr(context.Capabilities, kind, ())):
                plain = name.upper().removeprefix("CAP_")
                if plain not in _CAPABILITIES:
                    meant = nearest(plain, _CAPABILITIES)
                    hint = f"; did you mean {meant}?" if meant else ""
                    sentence = f"{quoted(name)} is no capability of Linux{hint}"
                    yield invalid(f"{path}.Capabilities.{kind}[{index}]", sentence)


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
