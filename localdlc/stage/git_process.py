"""One git at a time: without questions, without hooks, and ended with all its children."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import IO, Any

from localdlc.stage.askpass import NOBODY, Login

__all__ = ["TRUSTING", "Git", "GitFailed", "GitMissing"]

# git refuses a folder that belongs to somebody else, on the cloning side and on the serving side,
# which does not hear our -c. Whoever names a folder in localdlc.toml trusts it.
TRUST = ("-c", "safe.directory=*")
TRUSTING = f"--upload-pack=git {' '.join(TRUST)} upload-pack"
OPTIONS = (
    *TRUST,
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    # A tidying-up in the background would outlive the lock of the clone that it tidies.
    *("-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"),
    # Seconds without a byte, after which a connection counts as dead.
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
)
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_TRACE_REDACT": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
# Set where localdlc is run by a git hook; they speak of a repository that is not ours.
FOREIGN = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_NAMESPACE", "GIT_PREFIX"),
)
PROGRESS = re.compile(rb"[^\r\n]*\d+%[^\r\n]*")
# How much of git's last words is kept.
LAST = 64 << 10


class GitFailed(Exception):
    """git ended with an error; the text is its own last words."""


class GitMissing(GitFailed):
    """There is no git on this machine."""

    def __init__(self) -> None:
        super().__init__("git is not installed here; install it (`apt install git`)")


class Git:
    """git for one task, one command after another; `cancel` may come from any thread."""

    def __init__(self) -> None:
        self.cancelled = Event()
        self._process: Any = None

    def __call__(
        self,
        *arguments: str,
        login: Login = NOBODY,
        tell: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """What git printed. ``tell`` hears its progress. Raises `GitFailed`."""
        git = gitpython()
        command = [*without_foreign(), "git", *OPTIONS, *login.options, *arguments]
        told = b""
        try:
            process = git.Git().execute(
                command,
                as_process=True,
                env={**ENVIRONMENT, **(env or {})},
                start_new_session=True,
                pass_fds=login.descriptors,
            )
            self._process = process
            if self.cancelled.is_set():  # while it was being started
                self._terminate()
            said, told = both(process.stdout, process.stderr, tell)
            process.wait()
        except git.GitCommandNotFound as error:
            raise GitMissing from error
        except git.GitCommandError as error:
            raise GitFailed(words(told.decode(errors="replace") or str(error))) from None
        finally:
            self._process = None
        return said.decode(errors="backslashreplace").removesuffix("\n")

    def cancel(self) -> None:
        self.cancelled.set()
        self._terminate()

    def _terminate(self) -> None:
        """With its children: git leaves its helpers behind when it is killed alone."""
        if (process := self._process) is not None and process.proc is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.proc.pid, signal.SIGTERM)


def gitpython() -> Any:
    try:
        import git
    except ImportError as error:  # GitPython looks for git when it is imported
        raise GitMissing from error
    return git


def without_foreign() -> list[str]:
    found = [name for name in FOREIGN if name in os.environ]
    return ["env", *(word for name in found for word in ("-u", name))] if found else []


def both(out: IO[bytes], err: IO[bytes], tell: Callable[[str], None] | None) -> tuple[bytes, bytes]:
    """Reads two pipes at once, so that neither fills while the other is waited for."""
    said: list[bytes] = []
    reader = Thread(target=lambda: said.append(out.read()), daemon=True)
    reader.start()
    told = b""
    for block in blocks(err):
        told = (told + block)[-LAST:]
        if tell and (lines := PROGRESS.findall(block)):
            tell(lines[-1].decode(errors="replace").strip())
    reader.join()
    out.close()
    err.close()
    return b"".join(said), told


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := os.read(stream.fileno(), 1 << 14):
        yield block


def words(told: str) -> str:
    """Git's own last words, without its progress."""
    lines = [line.strip() for line in re.split("[\r\n]", told)]
    for mark in ("fatal: ", "error: ", "ERROR: "):
        if found := [line.removeprefix(mark) for line in lines if line.startswith(mark)]:
            return found[0]
    return " ".join(line for line in lines if line)[-1000:]
