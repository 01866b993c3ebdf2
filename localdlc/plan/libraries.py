"""ThirdpartyLibs and ThirdpartyLibDir: what each image's replicas install, and how."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from localdlc.plan.model import Libraries, Mount, ReplicaPlan

if TYPE_CHECKING:
    from pathlib import Path

    from localdlc.spec.request import CreateJobRequest

# Where a replica sees what staging has made of its libraries.
WHEELS = "/run/localdlc/wheels"

# A replica in a ready image sees what pip said when that was made, and is not given the wheels.
# Others install them themselves. They were resolved together and need no resolver again; without
# --no-compile installing numpy and pandas takes seven times as long, and a replica compiles what it
# imports anyway.
INSTALL = f"""\
cat {WHEELS}/satisfied.txt
if [ -e {WHEELS}/installed.txt ]; then cat {WHEELS}/installed.txt
elif [ -s {WHEELS}/install.txt ]; then
pip install --no-index --no-deps --no-compile -r {WHEELS}/install.txt || exit $?
fi
"""
# Variables that say which pip it is and where it installs, beside its own.
STEERING = ("HOME", "PATH", "PYTHONUSERBASE")


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
            env={k: v for k, v in replica.env.items() if k.startswith("PIP_") or k in STEERING},
        )
        for image, replica in first.items()
        for mount in replica.mounts
        if mount.target == WHEELS
    )


def prologue(wanted: bool, listed: str) -> str:
    """Shell lines that go before UserCommand; pip's failure is the replica's.

    A missing file only warns, with the words that DLC's own job logs show.
    """
    install = INSTALL if wanted or listed else ""
    warn = f"[ -f {shlex.quote(listed)} ] || echo 'WARN: requirements.txt not found' >&2\n"
    return install + (warn if listed else "")
