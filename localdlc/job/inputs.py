"""A job's data and code, wired: who brings each, and what is tidied up after the job."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from localdlc.config import Config
from localdlc.plan.model import Input, Plan
from localdlc.run.tasks import Task
from localdlc.stage.task import InputTask

__all__ = ["Inputs"]


class Inputs:
    """What brings the inputs of one job; libraries are `Installations`'."""

    def __init__(self, plan: Plan, config: Config) -> None:
        self._tasks = {
            f"{source.kind} {source.role}{source.target}": task_of(source, config, plan.job_id)
            for source in plan.inputs
            if source.kind != "libs"
        }

    def tasks(self) -> dict[str, Task]:
        return dict(self._tasks)

    def leave(self, note: Callable[[str], None]) -> None:
        """After the job, however it ended; ``note`` hears of what stays."""
        with ExitStack() as every_one:
            for task in self._tasks.values():
                every_one.callback(leave, task, note)


def task_of(source: Input, config: Config, job_id: str) -> InputTask:
    """Loads just the part of `stage` that this input needs."""
    if source.kind == "code":
        from localdlc.stage.code import code_task

        return code_task(source)
    if source.fetch:
        from localdlc.stage.fetching import FetchTask

        return FetchTask(source, config, job_id)
    from localdlc.stage.data import DataTask

    return DataTask(source)


def leave(task: InputTask, note: Callable[[str], None]) -> None:
    task.cancel()
    if kept := task.leave():
        note(f"the job wrote into its code folder; it is kept at {kept}")
