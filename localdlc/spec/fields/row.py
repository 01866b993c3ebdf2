"""One row of the fidelity table, and short ways to write many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["Case", "Row", "Treatment", "rows", "under"]

Treatment = Literal["honoured", "approximated", "ignored", "refused"]


@dataclass(frozen=True, slots=True)
class Case:
    """Values that are treated differently: ``when(request, value)`` says which.

    ``given`` says so in words, for a page.
    """

    given: str
    when: Callable[[CreateJobRequest, Any], bool]
    treatment: Treatment
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """How one member is treated, and why; the first case that fits goes before the rest."""

    path: str
    treatment: Treatment
    why: str
    cases: tuple[Case, ...] = ()

    def for_value(self, request: CreateJobRequest, path: str, value: Any) -> Row:
        """Say how one value is treated, with ``{path}`` and ``{value}`` filled in."""
        case = next((case for case in self.cases if case.when(request, value)), None)
        treatment, why = (case.treatment, case.why) if case else (self.treatment, self.why)
        why = why.format(path=path, value=value) if treatment == "refused" else why
        return replace(self, treatment=treatment, why=why, cases=())


def rows(treatment: Treatment, why: str, *paths: str, cases: tuple[Case, ...] = ()) -> list[Row]:
    """Give several members the same row."""
    return [Row(path, treatment, why, cases) for path in paths]


def under(prefix: str, names: str) -> list[str]:
    """Spell the paths of members of one object, given with spaces between."""
    return [f"{prefix}.{name}" for name in names.split()]
