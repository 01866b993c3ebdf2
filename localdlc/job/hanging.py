"""Stacks of a job's replicas, wired: taken when they hang, told, and kept with the job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from localdlc.config import Config
from localdlc.plan.model import Plan
from localdlc.record.events import Note
from localdlc.record.names import short
from localdlc.run.control import Control
from localdlc.run.errands import Errands
from localdlc.run.hangs import Hangs
from localdlc.run.stacks import Stacks, find_py_spy
from localdlc.why.stacks import Stack, stacks_text

__all__ = ["hangs"]

# Lines of stacks that are shown; the file has all of them.
SHOWN = 60


def hangs(
    plan: Plan,
    config: Config,
    errands: Errands,
    control: Control,
    masked: Callable[[str], str],
) -> Hangs:
    """Who looks after a job with a ``hang_timeout``.

    Raises `UsageError` where py-spy is not installed.
    """
    folder = config.job_folder(plan.job_id)

    called = partial(short, job_id=plan.job_id)

    def report(reason: str, stacks: Sequence[Stack], pods: Sequence[str]) -> None:
        # Before commands are shortened: half a secret would not be known again.
        clean = [replace(stack, process=masked(stack.process)) for stack in stacks]
        text = masked(stacks_text(clean, [called(pod) for pod in pods]))
        file = folder / f"stacks-{1 + len([*folder.glob('stacks-*.txt')])}.txt"
        write(file, f"{called(reason)}; {text}\n")
        control.inbox.post(Note(f"{called(reason)}; {shown(text)}\n  all of it: {file}"))

    def stop() -> None:
        if config.on_hang == "stop":
            control.stop("--hang-timeout")

    images = {replica.pod_id: replica.image for replica in plan.replicas}
    taking = Stacks(images, errands, called, find_py_spy())
    return Hangs(taking, config.hang_timeout or 0.0, report, stop)


def write(file: Path, text: str) -> None:
    """For the owner alone. What cannot be kept is still told."""
    try:
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    except OSError:
        return


def shown(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN
    return "\n  ".join([*lines[:SHOWN], *([f"… {more} more lines"] if more > 0 else [])])
