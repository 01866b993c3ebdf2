"""A git working tree to make, as a plan says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

__all__ = ["Checkout"]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A git working tree to make: what to clone, what to check out, and into which folder.

    ``repository`` holds no login; that is ``user`` and ``token``. ``cache`` is the folder of bare
    clones; ``offline``: what is not there or on this machine cannot be had.
    """

    repository: str
    branch: str | None
    commit: str | None
    folder: str
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    cache: str = ""
    offline: bool = False

    @property
    def local(self) -> bool:
        """Whether the repository is a folder of this machine."""
        return self.repository.startswith(("/", "file://"))

    @property
    def revision(self) -> str:
        """What will be checked out, in words."""
        if self.commit:
            return f"commit {self.commit}"
        return f"branch {self.branch}" if self.branch else "the default branch"

    @property
    def secrets(self) -> set[str]:
        """The token, also as a URL spells it."""
        return {self.token, quote(self.token, safe="")} if self.token else set()
