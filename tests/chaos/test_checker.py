"""The checker of the chaos suite finds what it is there for, and nothing in a job that is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.checker import Evidence, Witness, complaints
from chaos.scenario import Job, scenario
from localdlc.record.events import (
    Event,
    JobFinished,
    ReplicaExited,
    ReplicaLost,
    StatusChanged,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MASTER, WORKER = "dlcx-master-0", "dlcx-worker-0"
JOB = Job("dlcx", ((0,), (0,)), lines=3, begins=0, detached=True, restarts=False)
COUNTED = ["name", "0", "1", "2"]


def exited(pod: str, code: int, *, by_us: bool = False) -> ReplicaExited:
    return ReplicaExited(pod, 1, code, oom=False, signal=None, stopped_by_us=by_us, finished_at=NOW)


def ended(status: str, reason: str, *ends: Event) -> list[Event]:
    verdict = (StatusChanged("Running", status, reason), JobFinished(status, reason, "", None, 1.0))
    return [*ends, *verdict]


def log(
    out: Iterable[str], err: Iterable[str] = COUNTED
) -> dict[tuple[str, int], dict[str, list[str]]]:
    return {(MASTER, 1): {"stdout": list(out), "stderr": list(err)}}


WELL = Evidence(
    JOB,
    ended("Succeeded", "JobSucceeded", exited(MASTER, 0), exited(WORKER, 137, by_us=True)),
    log(COUNTED),
    {(MASTER, "name"): Witness(code=0)},
)
KILLED = replace(
    WELL,
    events=ended("Failed", "JobFailed", exited(MASTER, 137)),
    logs=log(COUNTED[:3], COUNTED[:3]),
    witnesses={(MASTER, "name"): Witness(2)},
    struck=frozenset({"container"}),
)
ORPHAN = replace(WELL, events=ended("Failed", "SupervisorLost", ReplicaLost(MASTER, 1, "")))


@pytest.mark.parametrize(
    "evidence", [WELL, KILLED, replace(ORPHAN, struck=frozenset({"supervisor"}))]
)
def test_what_is_well_is_let_be(evidence: Evidence) -> None:
    assert complaints(evidence) == []


@pytest.mark.parametrize(
    ("evidence", "complaint"),
    [
        (replace(WELL, logs=log(COUNTED[:3])), "stdout: 2 lines of 3"),
        (replace(WELL, logs=log([*COUNTED[:3], "1", "2"])), "stdout: 0 1 1 2"),
        (replace(WELL, logs=log(["name", "0", "2"])), "stdout: 0 2"),
        (replace(WELL, logs=log(COUNTED, ["other"])), "two attempts in one log"),
        (replace(WELL, logs={}), "nothing is stored"),
        (replace(KILLED, logs=log(COUNTED[:2])), "stdout: 1 lines of 2"),
        (replace(KILLED, struck=frozenset()), "ended with 137"),
        (replace(WELL, events=ended("Failed", "JobFailed", exited(MASTER, 0))), "no replica has"),
        (replace(KILLED, events=ended("Succeeded", "", exited(MASTER, 137))), "Succeeded, and"),
        (replace(KILLED, job=replace(JOB, codes=((0,),), restarts=True)), "restarts left"),
        (replace(WELL, events=WELL.events[:-2]), "0 verdicts"),
        (replace(WELL, events=[*WELL.events, WELL.events[-1]]), "2 verdicts"),
        (replace(WELL, events=[*WELL.events, exited(WORKER, 0)]), "after the verdict"),
        (replace(ORPHAN, struck=frozenset({"network"})), "its supervisor was not struck"),
        (replace(WELL, events=ended("Stopped", "", exited(MASTER, 0))), "nobody asked"),
    ],
)
def test_what_is_not_is_found(evidence: Evidence, complaint: str) -> None:
    assert any(complaint in found for found in complaints(evidence))


def test_output_may_go_with_its_engine_and_not_else() -> None:
    gone = replace(WELL, logs=log(COUNTED[:3]), struck=frozenset({"engine"}))
    second = timedelta(seconds=1)
    assert complaints(replace(gone, deaf=[(NOW - second, NOW + second)])) == []
    assert complaints(replace(gone, deaf=[(NOW + second, NOW + 2 * second)]))


def test_a_seed_says_all() -> None:
    assert scenario(7) == scenario(7)
    assert scenario(7).jobs != scenario(8).jobs
