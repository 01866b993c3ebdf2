"""What a supervisor must know beside the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from uuid import uuid4

from localdlc.run.probes import Reach, reach

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """``home`` is the digest for labels; ``reach`` asks at the ports that others wait for.

    ``engine_patience``: seconds that an engine which is gone may take to be back.
    """

    home: str
    subnets: Sequence[IPv4Network]
    pull: str = "missing"
    keep: str = "never"
    clock: Callable[[], float] = time.monotonic
    new_uid: Callable[[], str] = field(default=lambda: str(uuid4()))
    reach: Reach = reach
    engine_patience: float = 120.0
