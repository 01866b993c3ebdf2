"""A job, logs, settings and sweeps, as the commands that look at them print them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from functools import cache
from typing import Any

from localdlc.config import Cloud, CodeSource, Dataset, Oss
from localdlc.job.sweep import Swept
from localdlc.plan.model import Resources
from localdlc.plan.text import limits
from localdlc.record.log_query import Folded
from localdlc.record.masking import MASK
from localdlc.record.names import attempt_name, attempted
from localdlc.record.view import JobView, ReplicaView
from localdlc.stage.caches import Cached
from localdlc.stage.meter import amount
from localdlc.terminal.lines import collapsed, readable
from localdlc.terminal.table import indented, table
from localdlc.terminal.usage import used_lines
from localdlc.terminal.words import befallen, how_it_ended

__all__ = [
    "cache_table",
    "env_text",
    "folded_line",
    "job_text",
    "log_line",
    "removed_text",
    "setting_text",
    "swept_text",
]


def log_line(pod_id: str, attempt: int, line: bytes, *, prefixed: bool) -> bytes:
    """``localdlc logs``: one line as it would have been shown, and of which attempt."""
    text = readable(collapsed(line + b"\n"))
    name = attempted(replica_of(pod_id), attempt)
    return f"{name} | ".encode() + text if prefixed else text


def folded_line(fold: Folded, everybody: Sequence[str]) -> bytes:
    """``localdlc logs --fold``: one line after the names of all that wrote it."""
    names = list(map(replica_of, fold.pods))
    several = len(everybody) > 1 and len(names) == len(everybody)
    who = f"all {len(everybody)}" if several else ranges(names)
    return f"{who} | ".encode() + readable(collapsed(fold.first.text + b"\n"))


@cache
def replica_of(pod_id: str) -> str:
    """``worker-0``, or ``worker-0.sidecar`` beside it; a JobId may have dashes, too."""
    pod, dot, side = pod_id.partition(".")
    return "-".join(pod.rsplit("-", 2)[1:]) + dot + side


def ranges(names: Iterable[str]) -> str:
    """``master-0 worker-0..2,5 worker-0,1.sidecar``"""
    roles: dict[tuple[str, str], list[int]] = {}
    for name in names:
        pod, dot, side = name.partition(".")
        role, _, index = pod.rpartition("-")
        roles.setdefault((role, dot + side), []).append(int(index))
    return " ".join(f"{role}-{spans(sorted(found))}{side}" for (role, side), found in roles.items())


def spans(numbers: Sequence[int]) -> str:
    """``0..2,5``"""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return ",".join("..".join(map(str, span)) for span in found)


def cache_table(found: Iterable[Cached]) -> str:
    """``localdlc cache list``"""
    titles = ("KEY", "KIND", "SIZE", "FILES", "LAST USED", "", "SOURCE")
    cells = [titles] + [
        (
            *(one.key, one.kind, amount(one.bytes), f"{one.files:,}"),
            f"{one.used:%Y-%m-%d %H:%M}",
            *(state(one), one.source),
        )
        for one in found
    ]
    return table(cells)


def state(one: Cached) -> str:
    if one.in_use:
        return "in use"
    return "" if one.whole else "incomplete"


def removed_text(one: Cached, *, gone: bool) -> str:
    """``localdlc cache rm``: one thing that is gone, or not."""
    what = f"{one.kind} {one.key} {one.source}".rstrip()
    return f"removed {what} ({amount(one.bytes)})" if gone else f"{what} stays: a job uses it"


def job_text(view: JobView, plan: Mapping[str, Any]) -> str:
    """``localdlc show``; ``plan`` as it was stored."""
    return "\n".join(
        [
            f"{view.job_type} {view.job_id} ({view.display_name}): {view.status}{took(view)}",
            *indented(part for part in (view.reason_message, stop_text(view)) if part),
            *indented(
                (f"{span.start:%Y-%m-%d %H:%M:%S}", span.status, span.reason_message)
                for span in view.history
            ),
            *indented(
                (attempt_name(r, view.job_id), r.status, end_text(r, view))
                for replica in view.replicas.values()
                for r in (*replica.earlier, replica)
            ),
            *indented([f"restarts: {view.restarts}"] if view.restarts else []),
            *indented(role_rows(plan)),
            *indented((staged.kind, staged.uri, staged.detail) for staged in view.inputs),
            *indented(("note", text) for text in view.notes),
            *indented(
                (f"{time:%Y-%m-%d %H:%M:%S}", f"fault {fault.fault}", befallen(fault, view.job_id))
                for time, fault in view.faults
            ),
            *indented(("used", line) for line in used_lines(view)),
            *indented(view.fidelity.words()),
        ]
    )


def role_rows(plan: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Of which image how many of a role are, and what each is given."""
    alike = Counter(
        (replica["role"], replica["image"], given_text(replica["resources"]))
        for replica in plan["replicas"]
    )
    return [(f"{count} {role}", *of) for (role, *of), count in alike.items()]


def given_text(resources: Mapping[str, Any]) -> str:
    members = ("cpus", "memory", "shm", "gpu_count")
    return limits(Resources(**{name: resources[name] for name in members if name in resources}))


def end_text(replica: ReplicaView, view: JobView) -> str:
    going = replica.exit_code is None and not replica.lost and not view.terminal
    return "" if going else how_it_ended(replica)


def env_text(injected: Mapping[str, Mapping[str, str]]) -> str:
    """``localdlc show --env``: replica by replica."""
    return "\n".join(
        line
        for pod_id, variables in injected.items()
        for line in (pod_id, *(f"  {name}={value}" for name, value in variables.items()))
    )


def took(view: JobView) -> str:
    return "" if view.duration is None else f" after {view.duration:.1f} s"


def stop_text(view: JobView) -> str:
    return f"stop was asked for by {view.stop_requested_by}" if view.stop_requested_by else ""


def setting_text(value: object) -> str:
    """``localdlc config show``: one value as one would write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {setting_text(member)}" for name, member in value.items())
    if isinstance(value, CodeSource):
        if value.folder:
            return str(value.folder)
        return " at ".join(filter(None, (value.shown, value.branch, value.commit)))
    if isinstance(value, Oss | Cloud | Dataset):
        return setting_text({f.name: v for f in fields(value) if (v := member_text(f, value))})
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def member_text(member: Field[Any], table: object) -> str:
    """One member of a table; that a secret is there is worth knowing."""
    value = getattr(table, member.name)
    return MASK if value and not member.repr else setting_text(value)


def swept_text(swept: Swept, *, dry_run: bool) -> str:
    """``localdlc gc``: one thing that was, or would be, put in order."""
    if swept.failure:
        return f"{swept.kind} {swept.name} is still there: {swept.failure}"
    if swept.kind == "orphan":
        return f"{'would carry' if dry_run else 'carrying'} on with job {swept.name}"
    if swept.kind == "job":
        return f"{'would mark' if dry_run else 'marked'} job {swept.name} as {swept.status}"
    return f"{'would remove' if dry_run else 'removed'} {swept.kind} {swept.name}"
