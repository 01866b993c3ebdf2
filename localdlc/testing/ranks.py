"""What a test says about the replicas of a job: each sentence holds, or explains where it does not.

A sentence that does not hold raises `AssertionError`, with `assert` before it or without; one that
holds returns the ranks, for the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from localdlc.record.view import ReplicaView
from localdlc.terminal.words import how_it_ended
from localdlc.testing.metric import Metric

__all__ = ["Rank", "Ranks", "last_lines"]

LINES_SHOWN = 5


@dataclass(frozen=True)
class Rank:
    """One replica: its place among all (DLC's order of roles and indexes), its end, its output."""

    number: int
    name: str
    view: ReplicaView
    read: Callable[[], Sequence[str]]

    @property
    def role(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def exit_code(self) -> int | None:
        """None for a replica that never ended, or never began."""
        return self.view.exit_code

    @cached_property
    def lines(self) -> Sequence[str]:
        """All that its last attempt wrote."""
        return self.read()

    def __str__(self) -> str:
        return f"rank {self.number} {self.name}"

    def printed(self, pattern: str) -> bool:
        """Whether the regular expression is found in one of its lines."""
        return any(re.search(pattern, line) for line in self.lines)


class Ranks:
    """Some replicas of a job, in the order of its plan.

    Some of them are ``ranks[0]``, ``ranks[1:]``, ``ranks["worker-0"]`` or ``ranks["worker"]``.
    """

    def __init__(self, ranks: Iterable[Rank]) -> None:
        self._ranks = tuple(ranks)

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[Rank]:
        return iter(self._ranks)

    def __repr__(self) -> str:
        return f"Ranks({', '.join(rank.name for rank in self)})"

    def __getitem__(self, which: int | slice | str) -> Ranks:
        """Raises `KeyError` or `IndexError` for what the job has not."""
        if isinstance(which, slice):
            return Ranks(self._ranks[which])
        if isinstance(which, int):
            return Ranks([self._ranks[which]])
        chosen = [rank for rank in self if which.lower() in (rank.name, rank.role)]
        if not chosen:
            names = ", ".join(rank.name for rank in self) or "none"
            raise KeyError(f"no rank is or has the role {which!r}; there are: {names}")
        return Ranks(chosen)

    def that_printed(self, pattern: str) -> Ranks:
        """Those with a line in which the regular expression is found."""
        return Ranks(rank for rank in self if rank.printed(pattern))

    def all_exited(self, code: int = 0) -> Ranks:
        """Every rank ended with this exit code."""
        __tracebackhide__ = True
        wrong = [rank for rank in self if rank.exit_code != code]
        return self._holds(f"did not exit with {code}", wrong)

    def all_printed(self, pattern: str) -> Ranks:
        """The regular expression is found in a line of every rank."""
        __tracebackhide__ = True
        silent = [rank for rank in self if not rank.printed(pattern)]
        return self._holds(f"never printed {pattern!r}", silent)

    def none_printed(self, pattern: str) -> Ranks:
        """The regular expression is found in no line of any rank."""
        __tracebackhide__ = True
        found = [rank for rank in self if rank.printed(pattern)]
        said = [(str(rank), [x for x in rank.lines if re.search(pattern, x)]) for rank in found]
        if said:
            raise AssertionError(told(f"{count(found, self)} printed {pattern!r}", said))
        return self

    def metric(self, name: str) -> Metric:
        """The numbers that ranks print after ``name``: ``loss 0.5``, ``loss=0.5``, ``"loss": 0.5``.

        ``name`` may be a regular expression; with a group in it, the group is the number.
        Raises `AssertionError` when no rank prints one.
        """
        __tracebackhide__ = True
        metric = Metric(name, {str(rank): rank.lines for rank in self})
        if not any(metric.values.values()):
            raise AssertionError(told(f"no rank printed a number for {name!r}", tails(self)))
        return metric

    def _holds(self, claim: str, wrong: Sequence[Rank]) -> Ranks:
        __tracebackhide__ = True
        if wrong:
            raise AssertionError(told(f"{count(wrong, self)} {claim}", tails(wrong)))
        return self


def count(some: Sequence[Rank], ranks: Ranks) -> str:
    return f"{len(some)} of {len(ranks)} rank{'s' if len(ranks) > 1 else ''}"


def tails(ranks: Iterable[Rank]) -> list[tuple[str, list[str]]]:
    return [(f"{rank} {how_it_ended(rank.view)}", last_lines(rank.lines)) for rank in ranks]


def last_lines(lines: Sequence[str], most: int = LINES_SHOWN) -> list[str]:
    """The last of them, and how many there were before."""
    if len(lines) <= most:
        return list(lines)
    return [f"… {len(lines) - most} lines before", *lines[-most:]]


def told(claim: str, ranks: Iterable[tuple[str, list[str]]]) -> str:
    """The claim, then each rank that it fails for, with its lines."""
    return "\n".join(
        [claim]
        + [
            line
            for head, lines in ranks
            for line in (f"  {head}", *(f"    | {text}" for text in lines))
        ]
    )
