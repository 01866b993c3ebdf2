"""What is done before any replica starts: tasks in threads, each heard of when it is through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Thread

from localdlc.errors import HomeError, LocaldlcError, bug
from localdlc.run.inbox import Post, Prepared

__all__ = ["Task", "begin"]

Task = Callable[[Post], None]


def begin(tasks: Mapping[str, Task], post: Post) -> set[str]:
    """Begins them side by side and returns their names; each posts `Prepared` at its end."""
    for name, task in tasks.items():
        Thread(target=attempt, args=(name, task, post), name=name, daemon=True).start()
    return set(tasks)


def attempt(name: str, task: Task, post: Post) -> None:
    error: LocaldlcError | None = None
    try:
        task(post)
    except LocaldlcError as failure:
        error = failure
    except OSError as failure:  # a full disk, a folder of another user: no bug of ours
        error = HomeError(f"{name}: {failure}")
    except Exception as failure:  # noqa: BLE001 - in a thread nobody else would ever hear of it
        error = bug(failure)
    post(Prepared(name, error))
