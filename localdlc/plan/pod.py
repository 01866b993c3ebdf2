"""What stands around the main container of a replica, as plain data: the rest of its pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localdlc.record.masking import MASK

if TYPE_CHECKING:
    from localdlc.plan.model import Mount, Resources

__all__ = ["Pod", "Rights", "SideContainer"]


@dataclass(frozen=True, slots=True)
class Rights:
    """As whom a container runs, and what the kernel lets it do.

    ``user`` is ``UID[:GID]``, "" the image's own. Capabilities are ``added`` to the engine's set
    and ``dropped`` from it. ``seccomp`` is "" for the engine's profile, ``unconfined`` for none, or
    the path of a profile on this machine.
    """

    user: str = ""
    privileged: bool = False
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    seccomp: str = ""


@dataclass(frozen=True, slots=True)
class SideContainer:
    """A container of the pod that is not the main one; ``name`` is unique in the pod.

    Without a ``command`` the image's own runs with ``arguments``, and without these with its own.
    """

    name: str
    image: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    folder: str
    env: Mapping[str, str]
    mounts: tuple[Mount, ...]
    resources: Resources
    rights: Rights = field(default_factory=Rights)
    secrets: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "image": self.image,
            "command": [*self.command],
            "arguments": [*self.arguments],
            "env": {k: MASK if k in self.secrets else v for k, v in sorted(self.env.items())},
            "user": self.rights.user,
        }


@dataclass(frozen=True, slots=True)
class Pod:
    """``first`` run to their end one after another, ``beside`` for as long as the main container.

    ``shared`` are folders that all containers of the pod see. ``after_start`` and ``before_stop``
    are commands for the main container.
    """

    first: tuple[SideContainer, ...] = ()
    beside: tuple[SideContainer, ...] = ()
    shared: tuple[Mount, ...] = ()
    after_start: tuple[str, ...] = ()
    before_stop: tuple[str, ...] = ()
    rights: Rights = field(default_factory=Rights)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def sides(self) -> tuple[SideContainer, ...]:
        """All containers but the main one."""
        return (*self.first, *self.beside)

    @property
    def secret_values(self) -> set[str]:
        """What no sink may show."""
        return {side.env[name] for side in self.sides for name in side.secrets}

    def to_json(self) -> dict[str, Any]:
        """What there is of it."""
        shown = {
            "first": [side.to_json() for side in self.first],
            "beside": [side.to_json() for side in self.beside],
            "shared": [mount.target for mount in self.shared],
            "after_start": [*self.after_start],
            "before_stop": [*self.before_stop],
            "user": self.rights.user,
            "labels": dict(self.labels),
        }
        return {name: value for name, value in shown.items() if value}
