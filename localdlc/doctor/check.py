"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "State"]

State = Literal["ok", "warning", "problem", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is, and what to do where it is not well.

    With a ``warning`` most jobs run; with a ``problem`` none does, or none of a kind. What was
    ``skipped`` could not be looked at.
    """

    name: str
    state: State
    says: str
    mend: str = ""
