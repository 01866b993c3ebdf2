"""SharedVolumeMountPaths: folders that the containers of one pod share, for as long as a job."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

__all__ = ["SharedTask", "discard_shared"]


class SharedTask:
    """Makes them, empty, and takes them away."""

    def __init__(self, job: Path, folders: Iterable[Path]) -> None:
        """``job`` is the job's folder; ``folders`` are below its ``shared``."""
        self._job = job
        self._folders = tuple(folders)

    def __call__(self, post: object) -> None:
        """As Kubernetes makes an emptyDir: whatever user a container runs as may write."""
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)

    def leave(self) -> None:
        """After the job, however it ended."""
        discard_shared(self._job)


def discard_shared(job: Path) -> None:
    shutil.rmtree(job / "shared", ignore_errors=True)
