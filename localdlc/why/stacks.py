"""The Python stacks of many replicas: read from py-spy's dumps, and those alike told together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["MARK", "Group", "Stack", "grouped", "read_stacks", "stacks_text"]

# Before each process in what `read_stacks` reads. No name of a program has it, and unlike \x1e it
# ends no line for Python's splitlines.
MARK = "\x02"
LONGEST_COMMAND = 72
# Python's own machinery: several frames for every import that is under way.
IMPORTING = "<frozen importlib"


@dataclass(frozen=True, slots=True)
class Stack:
    """One thread of one process of a replica; the innermost call is first in ``frames``."""

    replica: str
    process: str
    thread: str
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Threads that are at the same place. ``replicas`` in the order of the job, each once."""

    replicas: tuple[str, ...]
    threads: tuple[str, ...]
    process: str
    frames: tuple[str, ...]


def read_stacks(replica: str, lines: Iterable[str]) -> Iterator[Stack]:
    """Stacks from lines: `MARK`, the process and its command, then ``py-spy dump --json`` of it."""
    for part in "\n".join(lines).split(MARK)[1:]:
        command, _, dump = part.partition("\n")
        process = command.partition(" ")[2].strip()
        try:
            threads = json.loads(dump)
        except ValueError:
            yield Stack(replica, process, "", (f"(no stack: {' '.join(dump.split())})",))
            continue
        for thread in threads:
            frames = tuple(
                frame_text(f) for f in thread["frames"] if IMPORTING not in f["filename"]
            )
            yield Stack(replica, process, thread["thread_name"] or "a thread", frames)


def frame_text(frame: dict[str, Any]) -> str:
    """``all_reduce (torch/distributed/distributed_c10d.py:3252)``"""
    return f"{frame['name']} ({frame['short_filename'] or frame['filename']}:{frame['line']})"


def grouped(stacks: Sequence[Stack]) -> list[Group]:
    """Those at the same place together: main threads first, and of these the rare ones.

    Where nearly all wait for one that is elsewhere, that one is what somebody looks for.
    """
    together: dict[tuple[str, ...], list[Stack]] = {}
    for stack in stacks:
        together.setdefault(stack.frames, []).append(stack)
    groups = [
        Group(
            tuple(dict.fromkeys(one.replica for one in alike)),
            tuple(dict.fromkeys(one.thread for one in alike)),
            alike[0].process,
            frames,
        )
        for frames, alike in together.items()
    ]
    return sorted(groups, key=lambda g: ("MainThread" not in g.threads, len(g.replicas)))


def stacks_text(stacks: Sequence[Stack], replicas: Sequence[str]) -> str:
    """All of it, as people read it. ``replicas`` are those that were looked at."""
    count = f"{len(replicas)} replicas" if len(replicas) > 1 else "one replica"
    head = f"stacks of {count}, the innermost call first:"
    told = [line for group in grouped(stacks) for line in group_lines(group, len(replicas))]
    silent = [name for name in replicas if name not in {stack.replica for stack in stacks}]
    told += [f"{', '.join(silent)}: no Python process"] if silent else []
    return "\n".join([head, *told])


def group_lines(group: Group, of: int) -> Iterator[str]:
    who = ", ".join(group.replicas)
    count = f" ({len(group.replicas)} of {of})" if of > 1 else ""
    command = " ".join(group.process.split())
    if len(command) > LONGEST_COMMAND:
        command = f"{command[: LONGEST_COMMAND - 1]}…"
    threads = ", ".join(filter(None, group.threads))
    yield " - ".join(filter(None, (f"{who}{count}", command, threads)))
    yield from (f"    {frame}" for frame in group.frames)
