"""The verdict: recorded ends of replicas in, what to do now out. Pure, and it never looks back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localdlc.plan.model import Plan, ReplicaPlan
from localdlc.record.events import ReplicaExited, ReplicaLost

__all__ = ["Decision", "Ended", "Finish", "GoOn", "decide", "judged", "may_start"]

Ended = ReplicaExited | ReplicaLost

DEADLINE_MESSAGE = "Job {} has failed because it was active longer than specified deadline"


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nothing is decided yet."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The job is decided: DLC's status and reason, and the PodId that decided it."""

    status: str
    reason_code: str
    reason_message: str
    deciding_replica: str | None = None


Decision = GoOn | Finish


def decide(plan: Plan, ended: Mapping[str, Ended]) -> Decision:
    """The decision table of DLC under KubeDL's rules.

    Succeeded as soon as every deciding replica has exited 0, whatever the others do. Else Failed
    as soon as any replica of any role ended otherwise: the earliest such end decides. Success is
    looked at first, so the order in which simultaneous ends arrive does not matter. A replica that
    we stopped has not failed.
    """
    deciders = [r for r in plan.replicas if r.decides]
    if deciders and all(succeeded(ended.get(r.pod_id)) for r in deciders):
        last = max(deciders, key=lambda r: end_order(ended[r.pod_id]))
        return Finish("Succeeded", "JobSucceeded", plan.completed_message, last.pod_id)
    failures = [r for r in plan.replicas if failed(ended.get(r.pod_id))]
    if failures:
        first = min(failures, key=lambda r: end_order(ended[r.pod_id]))
        return Finish("Failed", "JobFailed", failed_message(plan, failures, first), first.pod_id)
    return GoOn()


def judged(plan: Plan, finish: Finish, ended: Mapping[str, Ended]) -> Finish:
    """The verdict once every end is known.

    A failure is decided when the first one is heard of, so that the rest can be stopped at once.
    Ends that came before it may only be heard of later; they had their say first.
    """
    first = ended.get(finish.deciding_replica or "")
    if finish.status != "Failed" or not isinstance(first, ReplicaExited):
        return finish
    by_then = {
        pod: end
        for pod, end in ended.items()
        if isinstance(end, ReplicaExited) and end.finished_at <= first.finished_at
    }
    again = decide(plan, by_then)
    return again if isinstance(again, Finish) else finish


def succeeded(end: Ended | None) -> bool:
    return isinstance(end, ReplicaExited) and end.exit_code == 0


def failed(end: Ended | None) -> bool:
    """A lost replica has failed: an exit code that nobody knows is not a success."""
    if isinstance(end, ReplicaExited):
        return end.exit_code != 0 and not end.stopped_by_us
    return end is not None


def end_order(end: Ended) -> tuple[bool, str, str]:
    """Earliest first; a lost replica has no time and comes last; the PodId settles ties."""
    if isinstance(end, ReplicaExited):
        return (False, end.finished_at.isoformat(), end.pod_id)
    return (True, "", end.pod_id)


def failed_message(plan: Plan, failures: list[ReplicaPlan], first: ReplicaPlan) -> str:
    """KubeDL's words, which DLC's own ReasonMessages repeat to the letter."""
    count = sum(1 for r in failures if r.role == first.role)
    return (
        f"{plan.job_type} {plan.job_id} is failed because "
        f"{count} {first.role_type} replica(s) failed."
    )


def overdue(plan: Plan) -> Finish:
    """The deadline of JobMaxRunningTimeMinutes has passed."""
    return Finish("Failed", "JobFailed", DEADLINE_MESSAGE.format(plan.job_id))


def stopped() -> Finish:
    """The user wants no more."""
    return Finish("Stopped", "JobStoppedByUser", "Job is stopped by user.")


def may_start(
    plan: Plan, replica: ReplicaPlan, started: frozenset[str], ended: Mapping[str, Ended]
) -> bool:
    """Whether everything ``replica`` starts after has come far enough.

    KubeDL's order of phases: Pending < Running < Succeeded = Failed; so an upstream replica that
    has already ended counts as running, too.
    """
    for upstream in replica.start_after:
        peers = [r.pod_id for r in plan.replicas if r.role == upstream.role]
        reached = started if upstream.phase == "Running" else frozenset(ended)
        if not all(pod in reached for pod in peers):
            return False
    return True
