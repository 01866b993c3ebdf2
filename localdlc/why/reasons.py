"""Who failed first and on its own, and what the others were doing then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from localdlc.record.names import attempt_name
from localdlc.record.view import JobView, ReplicaView
from localdlc.why.case import Case, Finding, Others, Tail, Why
from localdlc.why.finding import find

__all__ = ["why"]

LAST_LINES = 20
# What a shell writes when we stop what it runs.
SHELLS = frozenset({"Terminated", "Killed"})
NEVER = datetime.max.replace(tzinfo=UTC)
# What a replica exits with that did as it was told.
OBEYED = frozenset({0, 130, 143, 137})


def why(case: Case) -> Why | None:
    """Why this job failed; None for one that did not, or in which no replica ever ran."""
    view = case.view
    if view.status not in {"Failed", "FailedReserving"}:
        return None
    failed = in_order(case.view)
    if not failed:
        return unfailed(case) if any(r.started for r in view.replicas.values()) else None
    findings = {replica.pod_id: find(case, replica) for replica in failed}
    earliest = failed[0]
    first = cause(failed, findings)
    return Why(
        view.job_id,
        first,
        seconds(first.started, first.finished),
        findings[first.pod_id],
        tail(case, first).lines[-LAST_LINES:],
        tuple(others(view, first, findings)),
        "" if earliest is first else attempt_name(earliest, view.job_id),
    )


def in_order(view: JobView) -> list[ReplicaView]:
    """All that failed, the one that decided first, then by the time of their ends."""
    failed = [r for r in view.replicas.values() if has_failed(r)]
    return sorted(
        failed, key=lambda r: (r.pod_id != view.deciding_replica, r.finished or NEVER, r.pod_id)
    )


def has_failed(replica: ReplicaView) -> bool:
    """Also one that was told to stop while it was about to fail by itself."""
    if replica.lost:
        return True
    ours = replica.stopped_by_us and replica.exit_code in OBEYED
    return bool(replica.exit_code) and not ours


def cause(failed: list[ReplicaView], findings: dict[str, Finding | None]) -> ReplicaView:
    """The first that did not fail for want of a peer: that one may end sooner than its cause."""
    return next((r for r in failed if not echoes(findings[r.pod_id])), failed[0])


def echoes(finding: Finding | None) -> bool:
    return finding is not None and finding.echo


def others(
    view: JobView, first: ReplicaView, findings: dict[str, Finding | None]
) -> Iterable[Others]:
    """What each of them was doing when the first failed, those with the same fate together."""
    fates: dict[str, list[str]] = {}
    for replica in view.replicas.values():
        if replica.pod_id != first.pod_id:
            words = fate(replica, first, findings.get(replica.pod_id))
            fates.setdefault(words, []).append(attempt_name(replica, view.job_id))
    return (Others(tuple(names), words) for words, names in fates.items())


def fate(replica: ReplicaView, first: ReplicaView, finding: Finding | None) -> str:
    if replica.lost:
        return "lost"
    if replica.started is None:
        return "had not started"
    if replica.exit_code is None:
        return "still running"
    if echoes(finding):
        return f"lost a peer and ended with exit code {replica.exit_code}"
    if replica.finished and first.finished and replica.finished < first.finished:
        return "had ended" + (f" with exit code {replica.exit_code}" if replica.exit_code else "")
    if replica.stopped_by_us:
        return "running, then stopped"
    return f"running, then ended with exit code {replica.exit_code}"


def unfailed(case: Case) -> Why:
    """No replica failed: a deadline, or silence. What each said last is all there is to tell."""
    view = case.view
    ran = [replica for replica in view.replicas.values() if replica.started]
    last = ((attempt_name(one, view.job_id), last_words(case, one)) for one in ran)
    return Why(view.job_id, reason=view.reason_message, silent=tuple(last))


def last_words(case: Case, replica: ReplicaView) -> str:
    said = tail(case, replica)
    own = [(t, line) for t, line in zip(said.times, said.lines, strict=True) if line not in SHELLS]
    if not own:
        return "wrote nothing"
    time, line = own[-1]
    ago = seconds(time, replica.finished)
    when = "" if ago is None else f", {ago:.1f} s before its end"
    return f"wrote last{when}: {line}"


def tail(case: Case, replica: ReplicaView) -> Tail:
    return case.tails.get(replica.pod_id, Tail())


def seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """Never less than none: the engine's clock and ours differ by a little."""
    return max((end - begin).total_seconds(), 0.0) if begin and end else None
