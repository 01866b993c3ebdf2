"""Why a job failed, as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from localdlc.record.names import attempt_name
from localdlc.terminal.words import how_it_ended, lasting
from localdlc.why import Finding, Others, Why

__all__ = ["cause_lines", "failure_lines"]

SHOWN_NAMES = 4


def failure_lines(why: Why) -> Iterator[str]:
    """All of it: the first replica to fail, its last lines, then `cause_lines`."""
    if why.first:
        yield f"{name_of(why)} {how_it_ended(why.first)}"
    yield from (f"  | {line}" for line in why.lines)
    yield from cause_lines(why)


def cause_lines(why: Why) -> Iterator[str]:
    """The paragraph: who, when, meanwhile; what is known of it; what to do."""
    yield f"why: {sentence(why)}"
    yield from (f"  {name} {what}" for name, what in why.silent)
    if why.finding:
        yield from finding_lines(why.finding)


def sentence(why: Why) -> str:
    if why.first is None:
        return f"no replica failed; {why.reason}"
    when = "" if why.after is None else f", {lasting(why.after)} after its start"
    who = f"{name_of(why)} {'was the first to fail' if why.others else 'failed'}{when}"
    if why.mistaken:
        who = f"{why.mistaken} ended sooner, but for want of a peer; {name_of(why)} failed{when}"
    then = "; ".join(f"{names(others)}: {others.what}" for others in why.others)
    return f"{who}. Meanwhile {then}." if then else f"{who}."


def finding_lines(finding: Finding) -> Iterator[str]:
    if finding.line:
        yield f"  | {finding.line}"
    yield f"  {finding.says}"
    yield f"  {finding.do}"


def name_of(why: Why) -> str:
    if why.first is None:
        return ""
    return attempt_name(why.first, why.job_id)


def names(others: Others) -> str:
    more = len(others.names) - SHOWN_NAMES
    shown = ", ".join(others.names[:SHOWN_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown
