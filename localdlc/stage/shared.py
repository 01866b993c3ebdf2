"""SharedVolumeMountPaths: folders that the containers of one pod share, for as long as a job."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

__all__ = ["SharedTask", "discard_shared"]


class SharedTask:
    """Makes them, empty, and takes them away."""

    def __init__(self, job: Path, folders: Iterable[Path]) -> None:
        """``job`` is the job's folder; ``folders`` are below its ``shared``."""
        self._job = job
        self._folders = tuple(folders)
        self._making = Lock()
        self._left = False

    def __call__(self, post: object) -> None:
        """As Kubernetes makes an emptyDir: whatever user a container runs as may write.

        Nothing is made for a job that has been left meanwhile.
        """
        with self._making:
            for folder in () if self._left else self._folders:
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o777)

    def leave(self) -> None:
        """After the job, however it ended."""
        with self._making:
            self._left = True
            discard_shared(self._job)


def discard_shared(job: Path) -> None:
    shutil.rmtree(job / "shared", ignore_errors=True)
