"""What holds of every queue: never beyond what there is, all or nothing, and nobody starves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.plan.schedule import Waiting, schedule

MANY = tried(100)
GPUS = tuple(f"GPU-{n:02}" for n in range(8))
ALL = frozenset(GPUS)
SOME = st.frozensets(st.sampled_from(GPUS))


def jobs(usable: st.SearchStrategy[frozenset[str]]) -> st.SearchStrategy[list[Waiting]]:
    """A queue as it is found: in no order. A job may want more than it may use."""
    one = st.tuples(st.integers(1, 9), st.integers(1, 9), usable)
    return st.lists(one, max_size=8).flatmap(
        lambda asked: st.permutations(
            [
                Waiting(n, f"dlc{n}", priority, count, ids)
                for n, (priority, count, ids) in enumerate(asked)
            ]
        )
    )


QUEUES = jobs(SOME | st.just(ALL))


def before(job: Waiting, queue: list[Waiting]) -> list[Waiting]:
    """Those that go first, as the issue has it: a higher Priority, then older."""
    return [
        other
        for other in queue
        if other.priority > job.priority
        or (other.priority == job.priority and other.ticket < job.ticket)
    ]


@MANY
@given(QUEUES, SOME, st.randoms())
def test_who_starts_has_all_it_wants_of_what_is_free_whatever_the_others_choose(
    queue: list[Waiting], held: frozenset[str], chance: Random
) -> None:
    """In the order of the queue each takes anything of its room; nobody takes what is taken."""
    taken = set(held)
    while starting := [job for job in queue if schedule(queue, taken)[job.ticket].starts]:
        job = min(starting, key=lambda job: job.order)
        room = schedule(queue, taken)[job.ticket].room
        assert room <= job.usable - taken
        assert len(room) >= job.count
        taken.update(chance.sample(sorted(room), job.count))
        queue = [other for other in queue if other != job]


@MANY
@given(QUEUES, SOME, st.randoms())
def test_whoever_is_faster_takes_nothing_from_those_before(
    queue: list[Waiting], held: frozenset[str], chance: Random
) -> None:
    turns = schedule(queue, held)
    starting = [job for job in queue if turns[job.ticket].starts]
    if not starting:
        return
    faster = chance.choice(starting)
    taken = held | set(chance.sample(sorted(turns[faster.ticket].room), faster.count))
    then = schedule([job for job in queue if job != faster], taken)
    assert all(then[job.ticket].starts for job in before(faster, starting))


@MANY
@given(QUEUES, SOME, st.randoms())
def test_the_same_queue_has_the_same_turns_in_whatever_order_it_is_read(
    queue: list[Waiting], held: frozenset[str], chance: Random
) -> None:
    again = chance.sample(queue, len(queue))
    assert schedule(queue, held) == schedule(again, sorted(held, reverse=True))


@MANY
@given(QUEUES, SOME)
def test_nobody_waits_without_a_reason(queue: list[Waiting], held: frozenset[str]) -> None:
    """Too little is free for it, or somebody before it waits for some of the same."""
    turns = schedule(queue, held)
    given_away = len(held & ALL) + sum(j.count for j in queue if turns[j.ticket].starts)
    for job in queue:
        turn = turns[job.ticket]
        ahead = [
            other
            for other in before(job, queue)
            if not turns[other.ticket].starts
            and other.count <= len(other.usable)
            and other.usable & job.usable
        ]
        assert turn.starts or len(turn.room) < job.count or turn.behind in ahead
        assert turn.starts or turn.behind or held & job.usable or job.count > len(job.usable)
        if job.usable == ALL and not ahead:
            assert turn.starts == (job.count <= len(ALL) - given_away + turn.starts * job.count)


@MANY
@given(jobs(st.just(ALL)), SOME)
def test_a_job_that_can_ever_start_is_not_overtaken(
    queue: list[Waiting], held: frozenset[str]
) -> None:
    turns = schedule(queue, held)
    for job in queue:
        if not turns[job.ticket].starts and job.count <= len(ALL):
            behind = [other for other in queue if job in before(other, queue)]
            assert not any(turns[other.ticket].starts for other in behind)


@dataclass
class Machine:
    """GPUs over time: jobs come, start when it is their turn, and end."""

    waiting: list[Waiting] = field(default_factory=list)
    running: dict[Waiting, frozenset[str]] = field(default_factory=dict)
    started: list[Waiting] = field(default_factory=list)

    def let_start(self) -> None:
        while True:
            held = frozenset[str]().union(*self.running.values())
            turns = schedule(self.waiting, held)
            job = next((job for job in self.waiting if turns[job.ticket].starts), None)
            if job is None:
                return
            self.running[job] = frozenset(sorted(turns[job.ticket].room)[: job.count])
            self.waiting.remove(job)
            self.started.append(job)
            assert sum(map(len, self.running.values())) <= len(ALL)
            assert (
                len(ALL)
                >= len(frozenset[str]().union(*self.running.values()))
                == sum(map(len, self.running.values()))
            )


def small_ones(priority: int) -> Iterator[Waiting]:
    for ticket in range(1, 1000):
        yield Waiting(ticket, f"small{ticket}", priority, 1, ALL)


@MANY
@given(st.integers(1, 8), st.lists(st.integers(1, 7), max_size=20), st.data())
def test_an_old_job_starts_though_new_small_ones_never_cease(
    count: int, sizes: list[int], data: st.DataObject
) -> None:
    """Whatever ran when it came ends in its time, and for each that ends two new ones come."""
    machine = Machine()
    for ticket, size in enumerate(sizes):
        machine.waiting.append(Waiting(-100 + ticket, f"early{ticket}", 5, size, ALL))
    machine.let_start()
    ran = len(machine.started) + len(machine.waiting)
    old = Waiting(0, "old", 5, count, ALL)
    machine.waiting.append(old)
    small = small_ones(5)
    for _ in range(ran + 1):
        machine.waiting += [next(small), next(small)]
        machine.let_start()
        if old in machine.started:
            return
        ending = data.draw(st.sampled_from(sorted(machine.running, key=lambda job: job.ticket)))
        assert ending.ticket < 0
        del machine.running[ending]
    raise AssertionError(f"{old} never started")


def test_a_thousand_jobs_on_64_gpus_have_their_turn_in_under_a_second() -> None:
    ids = frozenset(f"GPU-{n:04}" for n in range(64))
    chance = Random(7)
    queue = [
        Waiting(n, f"dlc{n}", chance.randint(1, 9), chance.randint(1, 64), ids) for n in range(1000)
    ]
    began = time.perf_counter()
    turns = schedule(queue, sorted(ids)[:20])
    assert time.perf_counter() - began < 1
    assert len(turns) == 1000
    assert any(turn.starts for turn in turns.values())


# GPUs that the user lets jobs share


@MANY
@given(QUEUES, SOME, SOME)
def test_who_does_not_share_is_given_nothing_that_is_lent(
    queue: list[Waiting], held: frozenset[str], lent: frozenset[str]
) -> None:
    sharing = {job.ticket for job in queue if job.ticket % 2}
    mixed = [replace(job, shared=job.ticket in sharing) for job in queue]
    turns = schedule(mixed, held, lent)
    for job in mixed:
        closed = held if job.shared else held | lent
        assert turns[job.ticket].room <= job.usable - closed


@MANY
@given(QUEUES, SOME)
def test_those_who_all_share_never_wait_for_each_other(
    queue: list[Waiting], lent: frozenset[str]
) -> None:
    sharing = [replace(job, shared=True) for job in queue]
    turns = schedule(sharing, (), lent)
    assert all(turns[job.ticket].starts == (job.count <= len(job.usable)) for job in sharing)
