"""What is known of a job that failed, and what is found in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localdlc.record.view import JobView, ReplicaView

__all__ = ["Case", "Finding", "Others", "Tail", "Why"]


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines of a replica's latest attempt, both streams, and when each came."""

    lines: tuple[str, ...] = ()
    times: tuple[datetime, ...] = ()


def nowhere(path: str) -> Sequence[str] | None:
    """What is known of the files of a job that nobody has looked at."""
    return None


@dataclass(frozen=True, slots=True)
class Case:
    """A job that failed. ``plan`` is `Plan.to_json` as it was stored; ``tails`` are by PodId.

    ``listed`` are the names in a folder below a mount, or None where that cannot be known.
    """

    view: JobView
    plan: Mapping[str, Any]
    tails: Mapping[str, Tail]
    listed: Callable[[str], Sequence[str] | None] = nowhere


@dataclass(frozen=True, slots=True)
class Finding:
    """A known failure that was recognised: what it means and what to do, a sentence each.

    ``name`` is the row's, ``line`` the line that gave it away ("" for a mere exit code). ``echo``:
    it tells that some other replica was gone.
    """

    name: str
    says: str
    do: str
    line: str = ""
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Others:
    """Replicas to which the same happened, by short names in the order of the plan."""

    names: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job failed. ``first`` is the replica that failed on its own before all others.

    None when no replica did: ``reason`` then says what ended the job, and ``silent`` what each said
    last, by short names. ``after`` are seconds from
    its start to its end. ``mistaken`` is one that ended sooner, for want of a peer. ``lines`` are
    the last that ``first`` wrote.
    """

    job_id: str
    first: ReplicaView | None = None
    after: float | None = None
    finding: Finding | None = None
    lines: tuple[str, ...] = ()
    others: tuple[Others, ...] = ()
    mistaken: str = ""
    reason: str = ""
    silent: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What programs may want of it; the rest is in the job's own answer."""
        finding = self.finding
        return {
            "PodId": self.first.pod_id if self.first else None,
            "SecondsAfterStart": self.after,
            "Pattern": finding.name if finding else None,
            "Line": finding.line if finding else None,
            "Says": finding.says if finding else self.reason or None,
            "Do": finding.do if finding else None,
            "LastLines": list(self.lines),
            "Others": [{"Names": list(one.names), "What": one.what} for one in self.others],
        }
