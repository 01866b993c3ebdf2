"""What holds of every sharing: never more than the machine, in proportion, the same each time."""

from __future__ import annotations

from itertools import chain, combinations

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.plan.ask import Ask
from localdlc.plan.model import Phase, StartAfter
from localdlc.plan.replicas import Role
from localdlc.plan.resources import Host, shares
from localdlc.plan.sharing import ended_before
from localdlc.spec.jobspec import JobSpec, ResourceAsk

MIB = 1 << 20
MANY = tried(60)
NAMES = "ABCDE"


@st.composite
def jobs(draw: st.DrawFn) -> tuple[list[Role], dict[str, tuple[StartAfter, ...]]]:
    """Roles that ask for anything, and wait for any that stand before them."""
    roles, waits = [], {}
    for index, name in enumerate(NAMES[: draw(st.integers(1, len(NAMES)))]):
        ask = ResourceAsk(
            CPU=draw(st.none() | st.integers(100, 500_000).map("{}m".format)),
            Memory=draw(st.none() | st.integers(100, 1 << 21).map("{}Mi".format)),
        )
        spec = JobSpec(Type=name, ResourceConfig=ask)
        roles.append(Role(name, draw(st.integers(1, 8)), spec))
        phases: st.SearchStrategy[Phase] = st.sampled_from(("Running", "Succeeded"))
        awaited = draw(st.sets(st.sampled_from(NAMES[:index]))) if index else set()
        waits[name.lower()] = tuple(
            StartAfter(other.lower(), draw(phases)) for other in sorted(awaited)
        )
    return roles, waits


Jobs = tuple[list[Role], dict[str, tuple[StartAfter, ...]]]
HOSTS = st.builds(Host, st.integers(1, 256), st.integers(1 << 30, 1 << 40))


def before(job: Jobs) -> dict[str, frozenset[str]]:
    roles, waits = job
    return ended_before(waits, {role.name: role.count for role in roles})


def together(job: Jobs) -> list[tuple[Role, ...]]:
    """Every set of roles that may run at the same time."""
    roles, ended = job[0], before(job)
    sets = chain.from_iterable(combinations(roles, n) for n in range(1, len(roles) + 1))
    return [
        those for those in sets if not any(a.name in ended[b.name] for a in those for b in those)
    ]


@MANY
@given(jobs(), HOSTS)
def test_who_runs_at_the_same_time_never_has_more_than_the_machine(job: Jobs, host: Host) -> None:
    of = shares(job[0], host, before(job)).of
    for those in together(job):
        cores = [(of[r.type].cpus or 0, r.count) for r in those]
        # An engine gives nobody less than a hundredth of a core, or 6 MiB.
        assert sum(n * c for c, n in cores if c > 0.01) <= host.cpus + 1e-9
        sizes = [(of[r.type].memory or 0, r.count) for r in those]
        assert sum(n * size for size, n in sizes if size > 6 * MIB) <= host.memory


@MANY
@given(jobs(), HOSTS)
def test_nobody_has_more_than_they_ask_for_and_nobody_less_without_a_note(
    job: Jobs, host: Host
) -> None:
    given = shares(job[0], host, before(job))
    less = False
    for role in job[0]:
        its = given.of[role.type]
        asked = its.asked or Ask()
        pairs: list[tuple[float | None, float | None]] = [
            (its.cpus, asked.cpus),
            (its.memory, asked.memory),
        ]
        for has, wants in pairs:
            assert (has is None) == (wants is None)
            if has is not None and wants is not None:
                assert has <= wants
                less |= has < wants
    assert less == bool(given.short) == bool(given.notes)


@MANY
@given(jobs(), HOSTS)
def test_who_runs_with_everybody_shares_in_proportion(job: Jobs, host: Host) -> None:
    of = shares(job[0], host).of
    parts = [
        (its.cpus, its.asked.cpus)
        for its in of.values()
        if its.cpus and its.asked and its.asked.cpus and its.cpus > 0.01
    ]
    for (has, wants), (others, theirs) in combinations(parts, 2):
        # Cut down to a thousandth of a core.
        assert abs(has - wants * others / theirs) <= 0.001 * max(1, wants / theirs) + 1e-9


@MANY
@given(jobs(), HOSTS)
def test_sharing_is_the_same_each_time_and_in_any_order(job: Jobs, host: Host) -> None:
    first, ended = shares(job[0], host, before(job)), before(job)
    assert first == shares(job[0], host, ended)
    assert first.of == shares(reversed(job[0]), host, ended).of
