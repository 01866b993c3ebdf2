"""What an engine is told and what it answers, as plain data, and how it refuses.

What it does is `Engine`, in `engine.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from localdlc.errors import EngineUnavailable
from localdlc.plan.model import Door, Mount, Resources
from localdlc.plan.pod import Rights

if TYPE_CHECKING:
    from localdlc.config.gpus import Gpu

__all__ = [
    "Answer",
    "ContainerSpec",
    "EngineFacts",
    "EngineGone",
    "Exit",
    "Leftover",
    "NotBegun",
    "Overlay",
    "Stream",
    "SubnetTaken",
]

Stream = Literal["stdout", "stderr"]


class EngineGone(EngineUnavailable):
    """Nobody answers any more: the engine has ended, or begins anew."""


class SubnetTaken(EngineUnavailable):
    """Another network got this subnet between looking and creating: choose again."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What answers: product and version, and the machine it runs containers on (cores, bytes).

    ``storage`` is its storage driver, ``cgroups`` the version of the kernel's control groups, "" or
    "none" where it has none, ``folder`` where it keeps images and containers, ``cdi`` where it
    looks for devices of CDI.
    """

    name: str
    version: str
    cpus: int
    memory: int
    address: str
    storage: str = ""
    cgroups: str = ""
    folder: str = ""
    runtimes: tuple[str, ...] = ()
    cdi: tuple[str, ...] = ()
    rootless: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container, fully decided. ``hosts`` are (name, address) pairs for its hosts file.

    ``network`` is the name of one, with an ``ip`` in it; or ``host``, ``none`` or ``container:ID``,
    with neither ``ip`` nor ``hostname``. ``user`` is ``UID[:GID]``, "" the image's own. A mount's
    source is an absolute path of the engine's machine, or the name of a volume. ``command`` is all
    that runs, unless it goes ``after_entrypoint`` of the image's own. The seccomp profile in
    ``rights`` is its text here, and not where it is. It sees ``gpus`` and no others; ``one_host``
    shares memory with all like it, and with the machine. ``processes`` is ``container:ID`` for one
    that sees the processes of another.
    """

    name: str
    hostname: str
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    network: str
    ip: str
    hosts: tuple[tuple[str, str], ...]
    mounts: tuple[Mount, ...]
    resources: Resources
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    doors: tuple[Door, ...] = ()
    folder: str = ""
    after_entrypoint: bool = False
    rights: Rights = field(default_factory=Rights)
    gpus: tuple[Gpu, ...] = ()
    one_host: bool = False
    processes: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended: its code, whether the kernel killed it for memory, and when."""

    code: int
    oom: bool
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command in a running container ended, and all that it wrote to either stream."""

    code: int
    output: bytes


@dataclass(frozen=True, slots=True)
class Overlay:
    """Folders of the engine's machine that together look like one.

    What is written goes to ``upper``; ``lower`` stays as it is. ``work`` belongs to the kernel and
    must be empty, beside ``upper`` and on its file system. ``told_to_all``: what the kernel notes
    of folders that hide others is to be readable by whoever is not root, too.
    """

    lower: str
    upper: str
    work: str
    told_to_all: bool = False


@dataclass(frozen=True, slots=True)
class Leftover:
    """A container, volume or network that carries our labels.

    ``state`` is a container's, in Docker's words: ``created``, ``running``, ``exited`` …
    """

    kind: Literal["container", "volume", "network"]
    id: str
    name: str
    labels: Mapping[str, str]
    state: str = ""


class NotBegun(Exception):
    """A container does not run, because what runs before it has not ended well; `wait` says how."""
