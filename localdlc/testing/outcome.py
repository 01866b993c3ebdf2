"""How a job of a test ended, with what a test asks about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from localdlc.config import Config
from localdlc.job.result import Result
from localdlc.record.names import short
from localdlc.record.view import ReplicaView
from localdlc.service.looking import Looking
from localdlc.terminal.failure import cause_lines
from localdlc.terminal.words import how_it_ended
from localdlc.testing.ranks import Rank, Ranks, last_lines

__all__ = ["Outcome"]

LINES_SHOWN = 10


@dataclass(frozen=True, repr=False)
class Outcome(Result):
    """A `Result` and its ranks. ``kept`` are the containers that are still there."""

    kept: tuple[str, ...] = ()

    @cached_property
    def ranks(self) -> Ranks:
        """Every replica of the plan, also those that never began."""
        plan = json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
        return Ranks(
            self._rank(number, replica["pod_id"]) for number, replica in enumerate(plan["replicas"])
        )

    def _rank(self, number: int, pod_id: str) -> Rank:
        name = short(pod_id, self.job_id)
        view = self.view.replicas.get(pod_id)
        read = partial(self.logs, name) if view else nothing
        return Rank(number, name, view or ReplicaView(pod_id), read)

    @property
    def ended_by(self) -> str | None:
        """The replica that decided the job, such as ``worker-0``; None where none did."""
        by = self.view.deciding_replica
        return short(by, self.job_id) if by else None

    def __repr__(self) -> str:
        return f"<{self.view.job_type} {self.job_id}: {self.status}>"

    def story(self) -> str:
        """The verdict, how each replica ended and its last lines, why, and how to learn more."""
        home = self.folder.parent.parent
        by = f" (decided by {self.ended_by})" if self.ended_by else ""
        lines = [f"{self.status}: {self.view.reason_message}{by}"]
        for rank in self.ranks:
            lines.append(f"{rank} {how_it_ended(rank.view)}")
            lines += [f"  | {line}" for line in last_lines(rank.lines, LINES_SHOWN)]
        lines += self._cause(home)
        lines.append(f"all of it: localdlc logs {self.job_id} --home {home}")
        return "\n".join([*lines, *self._ways_in(home)])

    def _cause(self, home: Path) -> Iterator[str]:
        with suppress(Exception):  # a report must not fail for what it adds
            if why := Looking(Config(home)).explain_job(self.job_id):
                yield from cause_lines(why)

    def _ways_in(self, home: Path) -> Sequence[str]:
        if not self.kept:
            return ["to enter a replica afterwards: pytest --localdlc-keep"]
        names = [rank.name for rank in self.ranks if container_of(rank.view) in self.kept]
        return [
            *(  # what comes after the replica is the command
                f"to enter {name}: localdlc exec --home {home} {self.job_id} {name}"
                for name in names
            ),
            f"to remove what was kept: localdlc gc --kept --home {home}",
        ]


def container_of(replica: ReplicaView) -> str:
    """What the container of its last attempt is called."""
    return replica.pod_id if replica.attempt == 1 else f"{replica.pod_id}-{replica.attempt}"


def nothing() -> Sequence[str]:
    """What a replica wrote that never began."""
    return ()
