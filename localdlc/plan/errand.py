"""A one-off container that does something for a job beside its replicas, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localdlc.plan.model import Mount
from localdlc.plan.pod import Rights

__all__ = ["Errand"]


@dataclass(frozen=True, slots=True)
class Errand:
    """What to run. ``name`` is unique in the job: the container is called ``<JobId>-<name>``.

    ``network`` is ``none``, ``host`` (this machine's own) or ``container:ID``, which shares that
    of a running container. ``user`` is ``UID[:GID]``; "" is the image's own. ``becomes`` names an
    image: when it ends with 0, that is its image and what it has written over it.
    ``processes`` is ``container:ID``: it sees the processes of that one, too.
    """

    name: str
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    network: str = "none"
    user: str = ""
    rights: Rights = field(default_factory=Rights)
    processes: str = ""
    becomes: str = ""
