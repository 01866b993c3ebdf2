"""Code sources: one clone a job, at the right commit, by git."""

from __future__ import annotations

import base64
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localdlc.errors import InputError
from localdlc.plan.model import Checkout, Input
from localdlc.record.events import Event, InputStaged, Note, Progress
from localdlc.stage.working_tree import discard, remember

if TYPE_CHECKING:
    import git

__all__ = ["CodeTask"]

# git refuses a folder that belongs to somebody else, on the cloning side and on the serving side,
# which does not hear our -c. Whoever names a folder in localdlc.toml trusts it.
ORIGIN = "origin"
TRUST = ("-c", "safe.directory=*")
TRUSTING = f"--upload-pack=git {' '.join(TRUST)} upload-pack"
# Seconds that a cancelled task may take to let go of its folder.
PATIENCE = 10.0


class CodeTask:
    """Clones one code source for one job."""

    def __init__(self, source: Input) -> None:
        if source.checkout is None:
            raise ValueError(f"{source.uri} is no code source")
        self._uri = source.uri
        self._checkout = source.checkout
        self._clone: Any = None
        self._cancelled = False
        self._at_work = Lock()

    def __call__(self, post: Callable[[Event], None]) -> None:
        """Posts `InputStaged`; raises `InputError` naming the repository, branch or commit."""
        with self._at_work:
            if not self._cancelled:
                self._bring(post)

    def _bring(self, post: Callable[[Event], None]) -> None:
        began = time.monotonic()
        post(Progress(self._uri, "cloning"))
        repository = self._cloned()
        commit = check_out(repository, self._checkout, self._uri)
        remember(Path(self._checkout.folder))
        if not self._checkout.commit and uncommitted(Path(self._checkout.repository)):
            post(Note(f"{self._uri} has uncommitted changes; the job runs what is committed."))
        post(
            InputStaged(
                kind="code",
                uri=self._uri,
                bytes=None,
                files=None,
                seconds=round(time.monotonic() - began, 3),
                cached=False,
                detail=f"{self._checkout.revision} at {commit[:10]}",
            )
        )

    def cancel(self) -> None:
        """Ends a clone that is under way, and waits until nobody writes into its folder."""
        self._cancelled = True
        self._terminate()
        if self._at_work.acquire(timeout=PATIENCE):
            self._at_work.release()

    def _terminate(self) -> None:
        """With its children: git leaves its helpers behind when it is killed alone."""
        if (clone := self._clone) is not None and clone.proc is not None:
            with suppress(ProcessLookupError):
                os.killpg(clone.proc.pid, signal.SIGTERM)

    def leave(self) -> Path | None:
        """After the job: `discard` of its working tree."""
        return discard(Path(self._checkout.folder))

    def _cloned(self) -> git.Repo:
        import git

        checkout = self._checkout
        trusting = [TRUSTING] if checkout.repository.startswith("/") else []
        clone = ["clone", "--no-checkout", "--origin", ORIGIN, *trusting]
        command = ["git", *TRUST, *clone, "--", checkout.repository]
        try:
            self._clone = git.Git().execute(
                [*command, checkout.folder],
                as_process=True,
                env=environment(checkout),
                start_new_session=True,
            )
            if self._cancelled:  # while it was being started
                self._terminate()
            self._clone.wait()
        except (git.GitCommandError, git.GitCommandNotFound) as error:
            raise InputError(f"cannot clone {self._uri}: {words(error)}") from error
        finally:
            self._clone = None
        return git.Repo(checkout.folder)


def environment(checkout: Checkout) -> dict[str, str]:
    """Git's environment: never a question, and a token that stays out of ``.git/config``."""
    variables = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    if checkout.token:
        login = f"{checkout.user or 'git'}:{checkout.token}".encode()
        header = f"Authorization: Basic {base64.b64encode(login).decode()}"
        parts = urlsplit(checkout.repository)
        variables |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.hostname}/.extraHeader",
            "GIT_CONFIG_VALUE_0": header,
        }
    return variables


def check_out(repository: git.Repo, checkout: Checkout, uri: str) -> str:
    """Checks out commit, else branch, else what the repository's HEAD names; returns the commit."""
    wanted = checkout.commit or checkout.branch
    names = revisions(checkout)
    found = next((sha for name in names if (sha := resolved(repository, name))), None)
    if found is None:
        if wanted is None:
            raise InputError(f"{uri} has no commit yet, or none on its default branch.")
        what = "commit" if checkout.commit else "branch"
        raise InputError(f"{uri} has no {what} {wanted}.{alike(repository, checkout)}")
    import git

    try:
        repository.git.checkout("--detach", "--quiet", found)
    except git.GitCommandError as error:
        raise InputError(f"{uri} cannot be checked out at {found}: {words(error)}") from error
    return found


def uncommitted(folder: Path) -> bool:
    """Whether a repository on this machine has a working tree that differs from its last commit."""
    import git

    if not (folder / ".git").exists():
        return False
    try:
        status = git.Git(folder).execute(["git", *TRUST, "status", "--porcelain"])
    except git.GitCommandError:
        return False
    return bool(status)


def revisions(checkout: Checkout) -> tuple[str, ...]:
    if checkout.commit:
        return (checkout.commit,)
    if checkout.branch:
        return (f"refs/remotes/{ORIGIN}/{checkout.branch}", f"refs/tags/{checkout.branch}")
    return ("HEAD",)


def resolved(repository: git.Repo, name: str) -> str | None:
    import git

    try:
        return str(repository.git.rev_parse("--verify", "--quiet", f"{name}^{{commit}}"))
    except git.GitCommandError:
        return None


def alike(repository: git.Repo, checkout: Checkout) -> str:
    if checkout.commit:
        return " Is it pushed? Only what the repository holds can be checked out."
    refs = repository.remote(ORIGIN).refs
    branches = [ref.remote_head for ref in refs if ref.remote_head != "HEAD"]
    import difflib

    close = difflib.get_close_matches(checkout.branch or "", branches, 3)
    return f" Branches: {', '.join(close or sorted(branches)[:5])}."


def words(error: Exception) -> str:
    """Git's own last words, without GitPython's wrapping."""
    text = getattr(error, "stderr", "") or str(error)
    lines = [line.strip(" '\n") for line in str(text).splitlines()]
    told = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return told[0] if told else " ".join(line for line in lines if line)
