"""A number that ranks print again and again, such as a loss."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

__all__ = ["Metric"]

NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?:nan|inf)(?!\w))"
VALUES_SHOWN = 6


class Metric:
    """By rank the values it printed, in their order: ``values``, and the ``last`` of each.

    ``logs`` are the lines of each rank. Like those of `Ranks`, its sentences raise `AssertionError`
    where they do not hold, and return the metric where they do.
    """

    def __init__(self, name: str, logs: Mapping[str, Sequence[str]]) -> None:
        self.name = name
        self.values: dict[str, tuple[float, ...]] = {
            rank: tuple(numbers(name, lines)) for rank, lines in logs.items()
        }

    @property
    def last(self) -> dict[str, float]:
        """Of the ranks that printed it."""
        return {rank: values[-1] for rank, values in self.values.items() if values}

    def __repr__(self) -> str:
        return f"Metric({self.name}: {'; '.join(self._shown())})"

    def falls(self, to: float | None = None) -> Metric:
        """In every rank that prints it the last value is below the first, and at most ``to``."""
        __tracebackhide__ = True
        limit = math.inf if to is None else to
        return self._ends("fall", to, lambda first, last: last < first and last <= limit)

    def rises(self, to: float | None = None) -> Metric:
        """In every rank that prints it the last value is above the first, and at least ``to``."""
        __tracebackhide__ = True
        limit = -math.inf if to is None else to
        return self._ends("rise", to, lambda first, last: last > first and last >= limit)

    def agrees(self, rel: float = 1e-6, abs: float = 0.0) -> Metric:  # noqa: A002 - as math.isclose
        """All ranks print it equally often, and value by value within ``rel`` or ``abs``."""
        __tracebackhide__ = True
        counts = {len(values) for values in self.values.values()}
        if len(counts) > 1:
            self._deny("is not printed equally often by all ranks")
        for place, values in enumerate(zip(*self.values.values(), strict=True), start=1):
            if not all(math.isclose(values[0], v, rel_tol=rel, abs_tol=abs) for v in values[1:]):
                shown = ", ".join(f"{v:g}" for v in values)
                self._deny(
                    f"differs at value {place} of {max(counts)} ({shown}), beyond rel={rel:g}"
                )
        return self

    def _ends(self, verb: str, to: float | None, well: Callable[[float, float], bool]) -> Metric:
        __tracebackhide__ = True
        printed = {rank: values for rank, values in self.values.items() if values}
        wrong = [rank for rank, v in printed.items() if len(v) < 2 or not well(v[0], v[-1])]
        if wrong:
            goal = "" if to is None else f" to {to:g}"
            self._deny(f"does not {verb}{goal} in {len(wrong)} of {len(printed)} ranks", wrong)
        return self

    def _deny(self, claim: str, ranks: Sequence[str] | None = None) -> None:
        __tracebackhide__ = True
        raise AssertionError("\n  ".join([f"{self.name} {claim}", *self._shown(ranks)]))

    def _shown(self, ranks: Sequence[str] | None = None) -> list[str]:
        return [f"{rank}: {brief(self.values[rank])}" for rank in ranks or self.values]


def numbers(name: str, lines: Sequence[str]) -> list[float]:
    """Raises `ValueError` when what a group of the expression holds is no number."""
    grouped = re.compile(name).groups
    pattern = re.compile(name if grouped else rf"(?<![\w./-])(?:{name})[\"']?\s*[:=]?\s*({NUMBER})")
    return [float(found[1]) for line in lines for found in pattern.finditer(line) if found[1]]


def brief(values: Sequence[float]) -> str:
    """The first and the last values, and how many there are."""
    if not values:
        return "none"
    texts = [f"{value:g}" for value in values]
    if len(texts) > VALUES_SHOWN:
        texts = [*texts[: VALUES_SHOWN // 2], "…", *texts[-VALUES_SHOWN // 2 :]]
    return f"{' '.join(texts)} ({len(values)} value{'s' if len(values) > 1 else ''})"
