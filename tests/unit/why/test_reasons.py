"""Who failed first, and what the others were doing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from localdlc.record.view import JobView, ReplicaView
from localdlc.terminal.failure import cause_lines, failure_lines
from localdlc.why import Case, Others, Tail, Why, why

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID = START + timedelta(seconds=1)
CLOSED = "RuntimeError: [x/gloo/pair.cc:5] Connection closed by peer [10.0.0.2]:1"


def replica(name: str, after: float | None = None, code: int | None = None, **more: Any) -> Any:
    end = None if after is None else START + timedelta(seconds=after)
    return ReplicaView(
        f"dlc1-{name}", started=START, finished=end, exit_code=code, **{"status": "Failed", **more}
    )


def case(*replicas: ReplicaView, said: dict[str, str] | None = None, **view: Any) -> Case:
    tails = {
        f"dlc1-{name}": Tail(tuple(lines := text.splitlines()), (SAID,) * len(lines))
        for name, text in (said or {}).items()
    }
    known = {r.pod_id: r for r in replicas}
    job = JobView(job_id="dlc1", status="Failed", replicas=known, **view)
    return Case(job, {"inputs": [], "replicas": []}, tails)


def explained(*replicas: ReplicaView, **more: Any) -> Why:
    found = why(case(*replicas, **more))
    assert found
    return found


def test_the_first_by_the_time_of_its_end() -> None:
    found = explained(replica("worker-0", 3, 1), replica("worker-1", 2, 7))
    assert found.first
    assert (found.first.pod_id, found.after) == ("dlc1-worker-1", 2.0)
    assert found.others == (Others(("worker-0",), "running, then ended with exit code 1"),)


def test_the_replica_that_decided_goes_before_one_whose_failure_does_not_count() -> None:
    found = explained(
        replica("ps-0", 1, 1), replica("worker-1", 2, 7), deciding_replica="dlc1-worker-1"
    )
    assert found.first
    assert found.first.pod_id == "dlc1-worker-1"


def test_one_that_lost_its_peer_is_not_the_cause_although_it_ended_sooner() -> None:
    found = explained(
        replica("master-0", 2.0, 1),
        replica("worker-0", 2.5, 139, signal="SIGSEGV", stopped_by_us=True),
        replica("worker-1", 2.1, 1),
        said={"master-0": CLOSED, "worker-1": CLOSED},
        deciding_replica="dlc1-master-0",
    )
    assert found.first
    assert (found.first.pod_id, found.mistaken) == ("dlc1-worker-0", "master-0")
    assert found.finding
    assert found.finding.name == "segmentation-fault"
    lost = "lost a peer and ended with exit code 1"
    assert found.others == (Others(("master-0", "worker-1"), lost),)


def test_what_the_others_were_doing() -> None:
    found = explained(
        replica("worker-0", 5, 1),
        replica("worker-1", 6, 143, stopped_by_us=True),
        replica("worker-2", 4, 0, status="Succeeded"),
        ReplicaView("dlc1-worker-3"),
        replica("worker-4"),
        replica("worker-5", 9, lost="gone"),
        deciding_replica="dlc1-worker-0",
    )
    assert [(o.names[0], o.what) for o in found.others] == [
        ("worker-1", "running, then stopped"),
        ("worker-2", "had ended"),
        ("worker-3", "had not started"),
        ("worker-4", "still running"),
        ("worker-5", "lost"),
    ]


def test_a_job_that_no_replica_failed_tells_what_was_said_last() -> None:
    found = explained(
        replica("worker-0", 9, 143, stopped_by_us=True),
        said={"worker-0": "epoch 1\nTerminated"},
        reason_message="it was active longer than specified deadline",
    )
    assert list(cause_lines(found)) == [
        "why: no replica failed; it was active longer than specified deadline",
        "  worker-0 wrote last, 8.0 s before its end: epoch 1",
    ]


def test_a_job_that_succeeded_or_never_ran_has_no_reason() -> None:
    assert why(replace(case(), view=JobView(status="Succeeded"))) is None
    assert why(case(ReplicaView("dlc1-worker-0"))) is None


def test_the_paragraph() -> None:
    said = "\n".join([*map(str, range(30)), "ModuleNotFoundError: No module named 'flash_attn'"])
    peers = (replica(f"worker-{n}", 3, 143, stopped_by_us=True) for n in range(1, 8))
    found = explained(replica("worker-0", 2, 1, attempt=2), *peers, said={"worker-0": said})
    told = list(failure_lines(found))
    assert told[:2] == ["worker-0/2 ended with exit code 1", "  | 11"]
    assert told[20:23] == [
        "  | ModuleNotFoundError: No module named 'flash_attn'",
        "why: worker-0/2 was the first to fail, 2.0s after its start. Meanwhile worker-1, "
        "worker-2, worker-3, worker-4 and 3 more: running, then stopped.",
        "  | ModuleNotFoundError: No module named 'flash_attn'",
    ]
    assert told[23].startswith("  It imports flash_attn")
    assert len(told) == 25
