"""A job's turn on this machine: it waits, among all others, until there is room for it.

Only jobs that ask for GPUs, or must have exactly the cores and memory that they ask for, have one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from localdlc.errors import LocaldlcError, ResourceError
from localdlc.plan.model import Plan
from localdlc.plan.room import Holder, room, wish
from localdlc.plan.schedule import Waiting
from localdlc.record.events import JobQueued
from localdlc.record.store import home_digest
from localdlc.run.engine import Engine, EngineFacts, EngineGone, Leftover
from localdlc.run.holders import abandoned, holders
from localdlc.run.inbox import Post
from localdlc.run.waiting_list import Entry, Place, WaitingList, folder_of

if TYPE_CHECKING:
    from localdlc.run.bell import Bell

__all__ = ["Admission", "resume"]

# Seconds between hearing and looking: a process that is killed closes its files a moment before its
# locks are free. Where changes never cease, between two looks.
SETTLING = 0.05
BUSY = 1.0
# Whatever rings the bell may go unheard: of an engine that restarts, of a folder that was taken.
UNHEARD = 30.0


class Admission:
    """Called once, on a thread of the supervisor's; `leave` may be called on another."""

    def __init__(
        self,
        engine: Engine,
        home: Path,
        sweep: Callable[[Post], None],
        *,
        exact: bool,
        wait: bool,
        patience: float,
    ) -> None:
        """``sweep`` removes what killed runs left in this home.

        ``exact``: cores and memory must be free, too. Without ``wait`` nobody queues.
        ``patience``: seconds that an engine which is restarted may be gone meanwhile.
        """
        self._engine = engine
        self._home = home
        self._digest = home_digest(home)
        self._sweep = sweep
        self._exact = exact
        self._wait = wait
        self._patience = patience
        self._gone_since: float | None = None
        self._left = Flag()
        self._place: Place | None = None
        self._bell: Bell | None = None
        self._tried: set[str] = set()
        self._rest = SETTLING

    def __call__(self, plan: Plan, post: Post) -> Plan:
        """The plan with what it is given, once it is its turn.

        Posts `JobQueued` whenever what is waited for changes. Raises `ResourceError` for what is
        not there now and is not to be waited for.
        """
        facts = self._engine.describe()
        listed = WaitingList(folder_of(facts.address))
        try:
            return self._turn(plan, post, listed, facts)
        except BaseException:
            self.leave()
            raise
        finally:
            if self._left.is_set():
                self.leave()  # it may have come in while it was told to go
            if self._bell:
                self._bell.close()

    def leave(self) -> None:
        """Gives back what the job has, or its place among those who wait."""
        self._left.set()
        if self._bell:
            self._bell.ring()
        if self._place:
            self._place.leave()

    def _turn(self, plan: Plan, post: Post, listed: WaitingList, facts: EngineFacts) -> Plan:
        told = ""
        while not self._left.is_set():
            found, left = self._looked(plan, listed, facts)
            if isinstance(found, Plan):
                return found
            if self._put_in_order(left, post):
                continue
            if not self._wait:
                raise ResourceError(f"{found}. Without --no-wait the job would wait for them.")
            if self._bell is None:  # what has changed until now is seen, from now on it is heard
                from localdlc.run.bell import Bell

                self._bell = Bell()
                continue
            if found != told:
                post(JobQueued(found))
                told = found
            self._sleep(self._bell)
        return plan

    def _sleep(self, bell: Bell) -> None:
        """Until something may have changed; a little longer where that is all the time."""
        if self._gone_since is not None:  # nobody rings when an engine is back
            self._left.wait(BUSY)
            return
        quiet = not bell.wait(BUSY)
        self._rest = SETTLING if quiet else min(2 * self._rest, BUSY)
        if quiet:
            bell.wait(UNHEARD)
        self._left.wait(self._rest)
        bell.wait(0)  # whatever has rung until now will be seen

    def _looked(
        self, plan: Plan, listed: WaitingList, facts: EngineFacts
    ) -> tuple[Plan | str, tuple[Leftover, ...]]:
        """`_look`; who has begun to wait outlasts an engine that is restarted meanwhile."""
        try:
            seen = self._look(plan, listed, facts)
        except EngineGone:
            now = time.monotonic()
            self._gone_since = now if self._gone_since is None else self._gone_since
            if self._bell is None or now - self._gone_since >= self._patience:
                raise
            return f"the engine is gone; it is waited for, {self._patience:g} s at most", ()
        self._gone_since = None
        return seen

    def _look(
        self, plan: Plan, listed: WaitingList, facts: EngineFacts
    ) -> tuple[Plan | str, tuple[Leftover, ...]]:
        """What the job is given, or why nothing; and the containers of those who are gone."""
        with listed.alone():
            if self._bell:
                self._bell.watch(listed.folder)
            mine = self._place = self._place or listed.join(entry_of(plan, self._home))
            others = [entry for entry in listed.entries() if entry.ticket != mine.entry.ticket]
            there = self._engine.unended()
            held = holders(others, there, self._digest)
            waiting = [waits(entry) for entry in others if not entry.admitted]
            found = room(plan, mine.entry.ticket, waiting, held)
            if isinstance(found, Plan):
                mine.tell(self._admitted(mine.entry, found, held, facts))
            return found, abandoned(others, there)

    def _admitted(
        self, entry: Entry, plan: Plan, held: Iterable[Holder], facts: EngineFacts
    ) -> Entry:
        """Raises `ResourceError` when cores or memory are to be had exactly, and are not there."""
        if not self._exact:
            return given(entry, plan)
        from localdlc.plan.exact import exactly

        cpus, memory = exactly(plan, facts.cpus, facts.memory, held)
        return replace(given(entry, plan), cpus=cpus, memory=memory)

    def _put_in_order(self, left: Iterable[Leftover], post: Post) -> bool:
        """What killed runs of this home left is removed; for that of others somebody listens."""
        fresh = [container for container in left if container.id not in self._tried]
        self._tried.update(container.id for container in fresh)
        for container in fresh:
            Thread(target=self._until_it_ends, args=(container.id,), daemon=True).start()
        ours = any(container.labels.get("localdlc.home") == self._digest for container in fresh)
        if ours:
            self._sweep(post)
        return ours

    def _until_it_ends(self, container_id: str) -> None:
        with suppress(LocaldlcError):  # it is gone already
            self._engine.wait(container_id)
        if self._bell:
            self._bell.ring()


def resume(plan: Plan, engine: Engine, home: Path) -> Place | str:
    """What a job holds with which another supervisor carries on, held again; or who has it now.

    Until now it had only what its containers hold, and not what one was to begin anew with.
    """
    listed = WaitingList(folder_of(engine.describe().address))
    mine = given(entry_of(plan, home), plan)
    with listed.alone():
        held = holders(listed.entries(), engine.unended(), mine.digest)
        others = [one for one in held if one.home or one.job_id != plan.job_id]
        taken = [
            str(one)
            for one in others
            if one.gpus.intersection(mine.gpus) and not (one.shared and mine.shared)
        ]
        return f"{', '.join(taken)} has its GPUs by now" if taken else listed.join(mine)


def entry_of(plan: Plan, home: Path) -> Entry:
    wanted = wish(plan, 0)
    return Entry(
        plan.job_id,
        str(home),
        home_digest(home),
        plan.priority,
        wanted.count,
        tuple(sorted(wanted.usable)),
        wanted.shared,
    )


def given(entry: Entry, plan: Plan) -> Entry:
    """The entry of a job that has what its plan says."""
    gpus = {uuid for replica in plan.replicas for uuid in replica.resources.gpus}
    return replace(entry, admitted=True, gpus=tuple(sorted(gpus)))


def waits(entry: Entry) -> Waiting:
    return Waiting(
        entry.ticket,
        entry.job_id,
        entry.priority,
        entry.count,
        frozenset(entry.usable),
        entry.shared,
    )
