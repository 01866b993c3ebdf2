"""What a benchmark is: one measure of localdlc, and what it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.workbench import Workbench

__all__ = ["Case", "Measure", "Rival", "Target"]

Measure = Callable[[Workbench], float]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another way to do what localdlc does."""

    name: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for ours / rival, or for ours alone when there is no rival."""

    bound: float
    rival: Rival | None = None
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table for each target. ``unit`` is s, ms, MB, kB, % or lines/s.

    ``repeats``: how often a round measures everything, for what is too short to be steady.
    ``most``: rounds at most, for what takes minutes.
    """

    name: str
    title: str
    unit: str
    ours: Measure
    targets: tuple[Target, ...]
    repeats: int = 1
    most: int | None = None
