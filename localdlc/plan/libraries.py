"""ThirdpartyLibs and ThirdpartyLibDir: what each image's replicas install, and how."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from localdlc.plan.model import Libraries, Mount, ReplicaPlan

if TYPE_CHECKING:
    from pathlib import Path

    from localdlc.spec.request import CreateJobRequest

# Where a replica sees its wheels, and beside them the two files that staging writes.
WHEELS = "/run/localdlc/wheels"
TO_INSTALL = f"{WHEELS}/install.txt"
SATISFIED = f"{WHEELS}/satisfied.txt"

# Wheels that were resolved together need no resolver again. Without --no-compile installing numpy
# and pandas takes seven times as long; a replica compiles what it imports anyway.
INSTALL = f"pip install --no-index --no-deps --no-compile -r {TO_INSTALL}"


def requirements_file(request: CreateJobRequest) -> str:
    """ThirdpartyLibDir's requirements.txt, in the container; "" for none."""
    folder = request.ThirdpartyLibDir
    return f"{folder.rstrip('/')}/requirements.txt" if folder else ""


def with_wheels(
    request: CreateJobRequest, replicas: tuple[ReplicaPlan, ...], job: Path
) -> tuple[ReplicaPlan, ...]:
    """The replicas with their image's wheels mounted, when there are any; ``job`` is its folder."""
    if not (request.ThirdpartyLibs or request.ThirdpartyLibDir):
        return replicas
    images = list(dict.fromkeys(replica.image for replica in replicas))
    folders = {image: str(job / "wheels" / str(n)) for n, image in enumerate(images)}
    return tuple(
        replace(r, mounts=(*r.mounts, Mount(folders[r.image], WHEELS, read_only=True)))
        for r in replicas
    )


def libraries(
    request: CreateJobRequest, replicas: tuple[ReplicaPlan, ...]
) -> tuple[Libraries, ...]:
    """What to resolve, once an image; its first replica says where pip is to look."""
    first = {replica.image: replica for replica in reversed(replicas)}
    return tuple(
        Libraries(
            image=image,
            wanted=tuple(request.ThirdpartyLibs or ()),
            listed=requirements_file(request),
            folder=mount.source,
            mounts=tuple(m for m in replica.mounts if m is not mount),
            env={k: v for k, v in replica.env.items() if k.startswith("PIP_")},
        )
        for image, replica in first.items()
        for mount in replica.mounts
        if mount.target == WHEELS
    )


def prologue(wanted: bool, listed: str) -> str:
    """Shell lines that go before UserCommand; pip's failure is the replica's.

    A missing file only warns, with the words that DLC's own job logs show.
    """
    lines = []
    if wanted or listed:
        lines.append(f"cat {SATISFIED}; [ ! -s {TO_INSTALL} ] || {INSTALL} || exit $?")
    if listed:
        missing = "echo 'WARN: requirements.txt not found' >&2"
        lines.append(f"[ -f {shlex.quote(listed)} ] || {missing}")
    return "".join(f"{line}\n" for line in lines)
