"""Code sources: a working tree of a job's own at the right commit, or the user's as it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.record.events import InputStaged, Note, Progress
from localdlc.stage.askpass import login
from localdlc.stage.clones import CACHED, bare_clone, clone_of, commit_of
from localdlc.stage.data import missing
from localdlc.stage.differences import differing
from localdlc.stage.git_process import TRUSTING, Git, GitFailed
from localdlc.stage.lfs import WITHOUT_LFS, bring_lfs
from localdlc.stage.meter import some
from localdlc.stage.sources import Cancelled
from localdlc.stage.submodules import bring_submodules
from localdlc.stage.task import InputTask, Post
from localdlc.stage.working_tree import discard, remember

__all__ = ["CloneTask", "FolderTask", "code_task"]

ORIGIN = "origin"
# Seconds that a cancelled task may take to let go of its folder.
PATIENCE = 10.0


def code_task(source: Input) -> InputTask:
    return CloneTask(source, source.checkout) if source.checkout else FolderTask(source)


class CloneTask:
    """A working tree for one job, out of the bare clone in the cache."""

    def __init__(self, source: Input, checkout: Checkout) -> None:
        self._uri = source.uri
        self._checkout = checkout
        self._folder = Path(checkout.folder)
        self._git = Git()
        self._at_work = Lock()

    def __call__(self, post: Post) -> None:
        with self._at_work, suppress(Cancelled):
            if not self._git.cancelled.is_set():
                self._bring(post)

    def _bring(self, post: Post) -> None:
        began = time.monotonic()
        try:
            took = self._clone(telling(self._uri, post))
            commit = check_out(self._folder, self._checkout, self._uri, self._git)
            self._complete(post)
        except GitFailed as error:
            raise InputError(f"{self._uri} cannot be checked out: {error}") from error
        remember(self._folder)
        self._note_what_is_left_out(post)
        detail = f"{self._checkout.revision} at {commit[:10]}, {took}"
        post(staged(self._uri, began, detail, cached=took == CACHED))

    def _clone(self, tell: Callable[[str], None]) -> str:
        checkout = self._checkout
        if checkout.local:
            tell("cloning")
            try:
                self._copy(checkout.repository)
            except GitFailed as error:
                raise InputError(f"cannot clone {self._uri}: {error}") from error
            return "cloned"
        with (
            login(checkout.repository, checkout.user, checkout.token) as known,
            bare_clone(checkout, self._git, known, tell) as took,
        ):
            self._copy(str(clone_of(checkout)))
        at = ("-C", checkout.folder)
        self._git(*at, "remote", "set-url", ORIGIN, checkout.repository)
        return took

    def _copy(self, repository: str) -> None:
        # Hard links, as git would make, would let a container's root write through them: a chown of
        # the working tree would change whose the cache's own files are.
        options = ("--no-hardlinks", "--no-checkout", "--quiet", "--origin", ORIGIN, TRUSTING)
        self._git("clone", *options, "--", repository, self._checkout.folder)

    def _complete(self, post: Post) -> None:
        tell = telling(self._uri, post)
        inside = bring_submodules(self._folder, self._checkout, self._git, tell)
        for tree, checkout in [(self._folder, self._checkout), *inside]:
            if note := bring_lfs(tree, checkout, self._git, tell):
                post(Note(f"{self._uri}: {note}"))

    def _note_what_is_left_out(self, post: Post) -> None:
        checkout = self._checkout
        if not checkout.repository.startswith("/") or checkout.commit:
            return
        if paths := differing_or_none(Path(checkout.repository), self._git):
            post(
                Note(
                    f"{self._uri} has uncommitted changes ({some(paths)}); the job runs what "
                    "is committed. --code-dir runs the folder as it is."
                )
            )

    def cancel(self) -> None:
        self._git.cancel()
        if self._at_work.acquire(timeout=PATIENCE):
            self._at_work.release()

    def leave(self) -> Path | None:
        return discard(self._folder)


class FolderTask:
    """The user's own working tree. Nothing is copied, and nothing of it is ever removed."""

    def __init__(self, source: Input) -> None:
        self._folder = Path(source.source)
        self._where = source.where
        self._git = Git()

    def __call__(self, post: Post) -> None:
        began = time.monotonic()
        try:
            if not self._folder.is_dir():
                raise InputError(f"{self._where}: {wrong_with(self._folder)}")
        except OSError as error:  # no right to look
            raise InputError(f"{self._where}: {self._folder}: {error.strerror}") from error
        try:
            paths = differing(self._folder, self._git)
        except GitFailed as error:
            post(Note(f"{self._folder}: git cannot say what differs from the commit: {error}"))
            paths = []
        if paths:
            differ = f"{len(paths)} file(s) differ from the commit"
            post(Note(f"{self._folder}: {differ}: {some(paths)}."))
        detail = "the folder as it is" + ("; git knows no commit of it" if paths is None else "")
        post(staged(str(self._folder), began, detail, cached=True))

    def cancel(self) -> None:
        self._git.cancel()

    def leave(self) -> Path | None:
        return None


def telling(uri: str, post: Post) -> Callable[[str], None]:
    return lambda text: post(Progress(uri, text))


def staged(uri: str, began: float, detail: str, *, cached: bool) -> InputStaged:
    seconds = round(time.monotonic() - began, 3)
    return InputStaged("code", uri, None, None, seconds, cached, detail)


def wrong_with(folder: Path) -> str:
    if folder.exists():
        return f"{folder} is no folder; give the one that the code is in."
    return missing(folder)


def differing_or_none(folder: Path, git: Git) -> list[str] | None:
    try:
        return differing(folder, git)
    except GitFailed:
        return None


def check_out(tree: Path, checkout: Checkout, uri: str, git: Git) -> str:
    """Checks out commit, else branch, else what the repository's HEAD names; returns the commit."""
    at = f"--git-dir={tree / '.git'}"
    wanted = checkout.commit or checkout.branch
    names = revisions(checkout)
    found = next((sha for name in names if (sha := commit_of(at, name, git))), None)
    if found is None:
        if wanted is None:
            raise InputError(f"{uri} has no commit yet, or none on its default branch.")
        what = "commit" if checkout.commit else "branch"
        raise InputError(f"{uri} has no {what} {wanted}.{alike(at, checkout, git)}")
    git("-C", str(tree), *WITHOUT_LFS, "checkout", "--detach", "--quiet", found)
    return found


def revisions(checkout: Checkout) -> tuple[str, ...]:
    if checkout.commit:
        return (checkout.commit,)
    if checkout.branch:
        return (f"refs/remotes/{ORIGIN}/{checkout.branch}", f"refs/tags/{checkout.branch}")
    return ("HEAD",)


def alike(at: str, checkout: Checkout, git: Git) -> str:
    """What was probably meant, after what is not there."""
    offline = " localdlc is offline; it may be there by now." if checkout.offline else ""
    if checkout.commit:
        return offline or " Is it pushed? Only what the repository holds can be checked out."
    prefix = f"refs/remotes/{ORIGIN}/"
    refs = git(at, "for-each-ref", "--format=%(refname)", prefix).splitlines()
    branches = sorted(ref.removeprefix(prefix) for ref in refs if ref != f"{prefix}HEAD")
    import difflib

    close = difflib.get_close_matches(checkout.branch or "", branches, 3)
    return f" Branches: {', '.join(close or branches[:5])}.{offline}"
