"""A known failure in what a replica said and how it ended."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from localdlc.record.memory_end import memory_end, size
from localdlc.record.view import ReplicaView
from localdlc.why.case import Case, Finding
from localdlc.why.patterns import PATTERNS, UNCAUGHT, Pattern
from localdlc.why.places import place

__all__ = ["find"]

# Colours, and the prefix that torch gives what a rank says.
NOISE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|^\[rank\d+\]: ?", re.MULTILINE)
TRACEBACK = "Traceback (most recent call last):"
# What joins a traceback to the one that it came from.
CHAINED = re.compile(
    r"^(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\s*$",
    re.MULTILINE,
)
# These tell that a child failed, and not why; the child has said so before.
LAUNCHER = re.compile(r"^\S*(?:ChildFailedError|CalledProcessError|ProcessExitedException)\b", re.M)
# What is searched: some expressions take time that grows with the square of it.
LINES, WIDTH = 400, 1000
# Faults that end a replica; after a pause or a cut network it goes on.
FATAL = re.compile(r":(?:kill|preempt|oom)(?:@|$)")
# Characters of a line that are worth showing again.
LONGEST = 240


def find(case: Case, replica: ReplicaView) -> Finding | None:
    """What is known of this end; the latest that the replica said goes before all it said sooner.

    What a peer left behind counts only when nothing else is known.
    """
    tail = case.tails.get(replica.pod_id)
    lines = tail.lines[-LINES:] if tail else ()
    text = NOISE.sub("", "\n".join(line[:WIDTH] for line in lines))
    if rehearsed(case, replica):
        return by_end(case, replica, ("a rehearsed fault",))
    starved = memory_end(replica)
    if starved == "replica":
        return by_end(case, replica, ("oom",))
    text = last_words(text)
    matches = list(said(text))
    own = [found for found in matches if not found[0].echo] or matches
    if own:
        row, match = max(own, key=lambda found: text.count("\n", 0, found[1].end()))
        return finding(row, case, replica, match)
    ends = ("oom of a process",) if starved else (replica.signal or "", str(replica.exit_code))
    if ended := by_end(case, replica, ends):
        return ended
    uncaught = [m for m in compiled(UNCAUGHT.text).finditer(text) if not LAUNCHER.match(m[0])]
    return finding(UNCAUGHT, case, replica, uncaught[-1]) if uncaught else None


def rehearsed(case: Case, replica: ReplicaView) -> str:
    """The fault that ended it, as it was asked for; "" where none did."""
    befell = (fault for _, fault in case.view.faults if fault.pod_id == replica.pod_id)
    return next(
        (
            one.fault
            for one in befell
            if one.attempt == replica.attempt
            and FATAL.search(one.fault)
            and replica.signal in {"SIGKILL", "SIGTERM"}
        ),
        "",
    )


def said(text: str) -> Iterator[tuple[Pattern, re.Match[str]]]:
    """The last match of every row; of two that end at the same place the earlier row wins."""
    for row in PATTERNS:
        if row.text and (matches := list(compiled(row.text).finditer(text))):
            yield row, matches[-1]


@cache
def compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.MULTILINE)


def by_end(case: Case, replica: ReplicaView, ends: tuple[str, ...]) -> Finding | None:
    known = (row for row in PATTERNS if row.ended and row.ended in ends)
    row = next(known, None)
    return finding(row, case, replica) if row else None


def last_words(text: str) -> str:
    """From the last uncaught exception on, with what it came from; all, if there is none.

    What was said before it has not ended the replica: it went on.
    """
    start = len(text)
    while (before := text.rfind(TRACEBACK, 0, start)) >= 0:
        launched = LAUNCHER.search(text, before) if start == len(text) else None
        start = before
        if not (launched or joined(text, before)):
            return text[start:]
    return text


def joined(text: str, start: int) -> bool:
    """Whether the traceback that begins here came from another before it."""
    last = text.rfind("\n", 0, max(start - 2, 0)) + 1
    return bool(CHAINED.search(text, max(last - 2, 0), start))


def finding(
    row: Pattern, case: Case, replica: ReplicaView, match: re.Match[str] | None = None
) -> Finding:
    groups = grouped(match) if match else {}
    known = {**facts(case, replica, groups.get("path", "")), **groups}
    line = whole_line(match) if match else ""
    return Finding(row.name, filled(row.says, known), filled(row.do, known), line, row.echo)


def grouped(match: re.Match[str]) -> dict[str, str]:
    """What the groups hold; ``path2`` is ``path`` in another place of the expression."""
    named = match.groupdict().items()
    return {name.rstrip("0123456789"): value for name, value in named if value}


def filled(sentence: str, known: Mapping[str, str]) -> str:
    words = defaultdict(str, known)

    def perhaps(part: re.Match[str]) -> str:
        names = re.findall(r"{(\w+)}", part[1])
        return part[0] if not names else part[1] if any(words[name] for name in names) else ""

    return re.sub(r"\[([^\[\]]*)\]", perhaps, sentence).format_map(words)


def whole_line(match: re.Match[str]) -> str:
    """The last line of what matched, as the replica wrote it."""
    end = match.end() - 1 if match.group().endswith("\n") else match.end()
    start = match.string.rfind("\n", 0, end) + 1
    stop = match.string.find("\n", end)
    line = match.string[start : stop if stop >= 0 else None].strip()
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def facts(case: Case, replica: ReplicaView, path: str) -> dict[str, str]:
    plans = case.plan.get("replicas", ())
    planned: Mapping[str, Any] = next((r for r in plans if r["pod_id"] == replica.pod_id), {})
    limits = planned.get("resources", {})
    asked = limits.get("asked") or {}
    return {
        "image": planned.get("image", "its image"),
        "peak": size(peak) if (peak := replica.used and replica.used.memory_peak) else "",
        "memory": in_words(limits.get("memory"), asked.get("memory")),
        "shm": in_words(limits.get("shm"), asked.get("shm")),
        "fault": rehearsed(case, replica),
        "place": place(path, case, planned.get("mounts", [])) if path else "",
    }


def in_words(limit: int | None, asked: int | None) -> str:
    """``11 MiB``, and what it asks for, where the machine has too little for all."""
    if limit is None:
        return "all that this machine has"
    if asked is None or asked <= limit:
        return size(limit)
    return f"{size(limit)} (it asks for {size(asked)} and shares this machine)"
