"""What is run and what is struck when: pure, and all of it follows from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Literal

__all__ = ["Job", "Scenario", "Strike", "Target", "scenario", "scenarios"]

Target = Literal["supervisor", "container", "removal", "disconnection", "network", "engine", "disk"]
# Supervisors are what a user kills most easily, and what has most to lose.
TARGETS: tuple[Target, ...] = (
    *("supervisor", "supervisor", "supervisor", "container", "container"),
    *("removal", "disconnection", "network", "engine", "disk"),
)
TRUTH = "/mnt/truth"
# Each attempt has a name that it tells in its first line. What it has written for sure, and with
# which code it is about to end, it leaves in a file that is not localdlc's.
COMMAND = f"""
name=$(cat /proc/sys/kernel/random/uuid)
begun=$(ls {TRUTH} | grep -c "^$(hostname)@")
truth={TRUTH}/$(hostname)@$name
exec 3>&2 2>/dev/null  # of its own words a shell that is killed would have some, too
echo $name; echo $name >&3
i=0
while [ $i -lt LINES ]; do
  echo $i; echo $i >&3
  i=$((i+1)); echo $i >$truth
  sleep 0.1
done
case $RANK in CODES esac
[ $begun -lt $# ] || begun=$(($#-1))
shift $begun
echo exit $1 >$truth
exit $1
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A PyTorchJob of a master and workers, each of which counts and then exits.

    ``codes``: the exit codes of each rank, one for each time that it begins; the last one stays.
    ``begins``: seconds from the start of the scenario.
    """

    job_id: str
    codes: tuple[tuple[int, ...], ...]
    lines: int
    begins: float
    detached: bool
    restarts: bool

    def request(self, truth: str) -> dict[str, Any]:
        """Its CreateJob; ``truth`` is the folder of this machine in which replicas leave theirs."""
        policy = "OnFailure" if self.restarts else "Never"
        counts = {"Master": 1, "Worker": len(self.codes) - 1}
        roles = [
            {
                "Type": role,
                "PodCount": n,
                "Image": "localdlc/base:latest",
                "EcsSpec": "ecs.c6.large",
                "RestartPolicy": policy,
            }
            for role, n in counts.items()
            if n
        ]
        cases = "".join(
            f"{rank}) set -- {' '.join(map(str, codes))};; "
            for rank, codes in enumerate(self.codes)
        )
        return {
            "WorkspaceId": "1",
            "DisplayName": "chaos",
            "JobType": "PyTorchJob",
            "JobSpecs": roles,
            "UserCommand": COMMAND.replace("LINES", str(self.lines)).replace("CODES", cases),
            "DataSources": [{"Uri": f"file://{truth}", "MountPath": TRUTH}],
        }


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill: ``after`` so many seconds, of what ``job`` (a place in the list) has.

    ``which`` (0 to 1) of those that there are then. ``lasts``: seconds until an engine begins
    again, or a disk has room. ``hard``: SIGKILL instead of SIGTERM, for an engine.
    """

    after: float
    target: Target
    job: int
    which: float
    lasts: float
    hard: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """``live_restore``: containers outlive their engine."""

    seed: int
    jobs: tuple[Job, ...]
    strikes: tuple[Strike, ...]
    live_restore: bool


def scenarios(seed: int) -> Iterator[Scenario]:
    """One after another, without end; the first is that of the seed itself."""
    return map(scenario, count(seed))


def scenario(seed: int) -> Scenario:
    dice = Random(seed)
    jobs = tuple(a_job(dice, f"dlcchaos{seed}x{n}") for n in range(dice.randint(2, 3)))
    strikes = (a_strike(dice, len(jobs)) for _ in range(dice.randint(3, 6)))
    in_order = sorted(strikes, key=lambda strike: strike.after)
    return Scenario(seed, jobs, tuple(in_order), live_restore=dice.random() < 0.5)


def a_job(dice: Random, job_id: str) -> Job:
    restarts = dice.random() < 0.4
    ranks = range(dice.randint(1, 3))
    return Job(
        job_id,
        codes=tuple(some_codes(dice, restarts=restarts) for _ in ranks),
        lines=dice.randint(10, 60),
        begins=round(dice.uniform(0, 1), 2),
        detached=dice.random() < 0.6,
        restarts=restarts,
    )


def some_codes(dice: Random, *, restarts: bool) -> tuple[int, ...]:
    """Most replicas end well; where they may begin anew, some only in the end."""
    if dice.random() < 0.7:
        return (0,)
    failing = dice.choice((1, 7, 42))
    return (failing, 0) if restarts else (failing,)


def a_strike(dice: Random, jobs: int) -> Strike:
    return Strike(
        after=round(dice.uniform(0.3, 6), 2),
        target=dice.choice(TARGETS),
        job=dice.randrange(jobs),
        which=round(dice.random(), 3),
        lasts=round(dice.uniform(0.1, 2), 2),
        hard=dice.random() < 0.5,
    )
