"""The verdict: how far the replicas are in, what to do now out. Pure, and it never looks back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localdlc.plan.model import Plan, ReplicaPlan
from localdlc.plan.progress import Ended, Progress, end_order, failed, succeeded
from localdlc.plan.restarts import backoff, owed
from localdlc.plan.startup import unmet
from localdlc.record.events import ReplicaExited

__all__ = ["Decision", "Finish", "GoOn", "Restart", "decide", "judged", "overdue", "stopped"]

DEADLINE_MESSAGE = "Job {} has failed because it was active longer than specified deadline"


@dataclass(frozen=True, slots=True)
class GoOn:
    """Nothing is decided yet."""


@dataclass(frozen=True, slots=True)
class Restart:
    """These PodIds get a new attempt; those of them that still run are stopped before.

    ``reason_message`` is DLC's, ``reason`` is for whoever reads what a replica did.
    """

    pods: tuple[str, ...]
    after_seconds: float
    reason_message: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The job is decided: DLC's status and reason, and the PodId that decided it."""

    status: str
    reason_code: str
    reason_message: str
    deciding_replica: str | None = None


Decision = GoOn | Restart | Finish


def decide(plan: Plan, progress: Progress) -> Decision:
    """The decision table of DLC under KubeDL's rules.

    Succeeded as soon as every deciding replica has exited 0, whatever the others do. Else Failed
    as soon as any replica that counts ended otherwise and gets no other attempt: the earliest such
    end decides. Success is looked at first, so the order in which simultaneous ends arrive does
    not matter. A replica that we stopped has not failed. Then come restarts, one at a time.
    """
    again = [r for r in plan.replicas if owes(plan, r, progress)]
    owing = {r.pod_id for r in again}
    final = {pod: end for pod, end in progress.ended.items() if pod not in owing}
    if verdict := finished(plan, final):
        return verdict
    if again:
        return restart(plan, again, progress)
    if progress.silent and plan.monitoring:
        return hung(plan, progress)
    if why := unmet(plan, progress):
        return Finish("Failed", "JobFailed", *why)
    return GoOn()


def owes(plan: Plan, replica: ReplicaPlan, progress: Progress) -> bool:
    end = progress.ended.get(replica.pod_id)
    return end is not None and owed(plan, replica, end, progress)


def finished(plan: Plan, final: Mapping[str, Ended]) -> Finish | None:
    """The verdict of ends that nothing follows."""
    deciders = [r for r in plan.replicas if r.decides]
    if deciders and all(succeeded(final.get(r.pod_id)) for r in deciders):
        last = max(deciders, key=lambda r: end_order(final[r.pod_id]))
        return Finish("Succeeded", "JobSucceeded", plan.completed_message, last.pod_id)
    failures = [r for r in plan.replicas if r.counts and failed(final.get(r.pod_id))]
    if not failures:
        return None
    first = earliest(failures, final)
    message = f"{plan.job_type} {plan.job_id} is failed {because(failures, first)}"
    return Finish("Failed", "JobFailed", message, first.pod_id)


def restart(plan: Plan, again: list[ReplicaPlan], progress: Progress) -> Restart:
    """The earliest end brings a new attempt: of its replica, or under AIMaster of all."""
    first = earliest(again, progress.ended)
    end = progress.ended[first.pod_id]
    watched = plan.monitoring if plan.monitoring and plan.monitoring.restarts else None
    word = "failed" if failed(end) else "ended"
    return Restart(
        pods=everybody(plan) if watched and watched.together else (first.pod_id,),
        after_seconds=backoff(progress.restarts if watched else end.attempt - 1),
        reason_message=f"{plan.job_type} {plan.job_id} is restarting {because(again, first, word)}",
        reason=f"{first.role}-{first.index} {how(end)}",
    )


def hung(plan: Plan, progress: Progress) -> Decision:
    """Nobody writes: AIMaster restarts all, as long as it may."""
    watched = plan.monitoring
    assert watched is not None  # noqa: S101 - for the types; only a monitored job is told silent
    reason = f"no replica has written anything for {watched.silence:g} s"
    if progress.restarts < watched.restarts:
        message = f"{plan.job_type} {plan.job_id} is restarting because {reason}."
        return Restart(everybody(plan), backoff(progress.restarts), message, reason)
    return Finish("Failed", "JobFailed", f"Job {plan.job_id} has failed because {reason}.")


def everybody(plan: Plan) -> tuple[str, ...]:
    return tuple(r.pod_id for r in plan.replicas)


def judged(plan: Plan, finish: Finish, progress: Progress) -> Finish:
    """The verdict once every end is known.

    A failure is decided when the first one is heard of, so that the rest can be stopped at once.
    Ends that came before it may only be heard of later; they had their say first.
    """
    first = progress.ended.get(finish.deciding_replica or "")
    if finish.status != "Failed" or not isinstance(first, ReplicaExited):
        return finish
    by_then = {
        r.pod_id: end
        for r in plan.replicas
        if isinstance(end := progress.ended.get(r.pod_id), ReplicaExited)
        and end.finished_at <= first.finished_at
        and not owes(plan, r, progress)
    }
    return finished(plan, by_then) or finish


def earliest(replicas: list[ReplicaPlan], ended: Mapping[str, Ended]) -> ReplicaPlan:
    return min(replicas, key=lambda r: end_order(ended[r.pod_id]))


def because(ended: list[ReplicaPlan], first: ReplicaPlan, word: str = "failed") -> str:
    """KubeDL's words, which DLC's own ReasonMessages repeat to the letter."""
    count = sum(1 for r in ended if r.role == first.role)
    return f"because {count} {first.role_type} replica(s) {word}."


def how(end: Ended) -> str:
    if not isinstance(end, ReplicaExited):
        return f"was lost: {end.reason}"
    return "ran out of memory" if end.oom else f"ended with exit code {end.exit_code}"


def overdue(plan: Plan) -> Finish:
    """The deadline of JobMaxRunningTimeMinutes has passed."""
    return Finish("Failed", "JobFailed", DEADLINE_MESSAGE.format(plan.job_id))


def stopped() -> Finish:
    """The user wants no more."""
    return Finish("Stopped", "JobStoppedByUser", "Job is stopped by user.")
