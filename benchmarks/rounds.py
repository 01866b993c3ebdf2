"""Measuring in turns: A B A B, so that a machine that drifts drifts for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.case import Case, Target
from benchmarks.workbench import Workbench

__all__ = ["Row", "Series", "measured"]


@dataclass(frozen=True, slots=True)
class Series:
    """All values of one contestant."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Row:
    """One target of one case, measured. Without a rival ``theirs`` is None."""

    case: Case
    target: Target
    ours: Series
    theirs: Series | None

    @property
    def value(self) -> float:
        """What the target binds: the ratio of the medians, or our median."""
        return self.ours.median / self.theirs.median if self.theirs else self.ours.median

    @property
    def met(self) -> bool:
        return self.target.met(self.value)


def measured(case: Case, bench: Workbench, rounds: int) -> Iterator[Row]:
    """A round to warm up, then ``rounds`` that count."""
    contestants = {"localdlc": case.ours}
    for target in case.targets:
        if target.rival:
            contestants[target.rival.name] = target.rival.measure
    for measure in contestants.values():
        measure(bench)
    values: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(min(rounds, case.most or rounds) * case.repeats):
        for name, measure in contestants.items():
            values[name].append(measure(bench))
    series = {name: Series(tuple(found)) for name, found in values.items()}
    for target in case.targets:
        theirs = series[target.rival.name] if target.rival else None
        yield Row(case, target, series["localdlc"], theirs)
