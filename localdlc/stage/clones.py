"""Bare clones in the cache: one a repository, shared by every job that wants it.

A clone is made under another name and renamed when it is whole. Whoever looks at it or changes it
holds its lock; the kernel gives that back when a process dies.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.code import name_of
from localdlc.stage.askpass import Login
from localdlc.stage.git_process import Git, GitFailed
from localdlc.stage.locks import waited_for

__all__ = ["CACHED", "bare_clone", "clone_of", "commit_of"]

OBJECT_ID = re.compile("[0-9a-f]{7,64}", re.IGNORECASE)
WHOLE_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
# Commits that are on no branch any more: a reference keeps git from tidying them away.
KEPT = "refs/localdlc"
# The git of a run that was killed may come to its end beside ours, and change what we read before.
ATTEMPTS = 3
CACHED = "out of the cache"
HINTS = (
    (
        re.compile("Authentication failed|could not read (Username|Password)|error: 40[13]"),
        " Is the token right, and may it read this repository? A code source takes `user` and "
        "`token`.",
    ),
    (
        re.compile("not found"),
        " Is it private? Many servers do not find what a login is missing for; a code source takes "
        "`user` and `token`.",
    ),
    (
        re.compile("Host key verification failed|Permission denied \\(publickey"),
        " Does `ssh` to this host work without a question?",
    ),
)

Tell = Callable[[str], None]


def clone_of(checkout: Checkout) -> Path:
    """Where a repository's bare clone is, for every job that wants it."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", name_of(checkout.repository))
    digest = sha256(checkout.repository.encode()).hexdigest()[:16]
    return Path(checkout.cache, f"{name}-{digest}.git")


@contextmanager
def bare_clone(checkout: Checkout, git: Git, login: Login, tell: Tell) -> Iterator[str]:
    """Brings a clone up to what is wanted and holds it; gives what that took, in words.

    A commit that is there is not asked for again; a branch is, because it may have moved. Raises
    `InputError` when the repository cannot be reached and when `Checkout.offline` forbids to,
    `Cancelled` when that is called off while another job does it.
    """
    clone = clone_of(checkout)
    clone.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = f"job {Path(checkout.folder).parent.name}"
    waiting = lambda who: tell(f"waiting for {who}, which clones it")  # noqa: E731
    with waited_for(clone.with_suffix(".lock"), holder, waiting, git.cancelled):
        try:
            yield brought(checkout, git, login, tell)
        except GitFailed as error:
            raise InputError(unreachable(checkout, str(error))) from error


def brought(checkout: Checkout, git: Git, login: Login, tell: Tell) -> str:
    clone = clone_of(checkout)
    clear(clone)
    if not whole(clone):
        if checkout.offline:
            raise InputError(
                f"{checkout.repository} has not been cloned yet, and localdlc is offline. Run it "
                "once without --offline."
            )
        tell("cloning")
        make(checkout, git, login, tell)
        took = "cloned"
    elif checkout.offline or (checkout.commit and is_there(clone, checkout.commit, git)):
        return CACHED
    else:
        tell("fetching")
        fetch(checkout, git, login, tell)
        took = "fetched"
    if checkout.commit and not is_there(clone, checkout.commit, git):
        fetch_commit(checkout, git, login, tell)
    return took


def make(checkout: Checkout, git: Git, login: Login, tell: Tell) -> None:
    clone = clone_of(checkout)
    incoming = Path(tempfile.mkdtemp(prefix=incoming_of(clone), dir=clone.parent))
    options = ("--bare", "--template=", "--progress")
    try:
        git("clone", *options, "--", checkout.repository, str(incoming), login=login, tell=tell)
        incoming.rename(clone)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def fetch(checkout: Checkout, git: Git, login: Login, tell: Tell) -> None:
    """Every branch and tag as they are now, and the default branch where that is wanted."""
    at, url = f"--git-dir={clone_of(checkout)}", checkout.repository
    options = ("--prune", "--force", "--no-write-fetch-head", "--progress")
    for rest in reversed(range(ATTEMPTS)):
        try:
            git(at, "fetch", *options, "--", url, *REFSPECS, login=login, tell=tell)
            break
        except GitFailed as error:
            if not rest or "cannot lock ref" not in str(error):
                raise
    if checkout.commit or checkout.branch:
        return
    heads = git(at, "ls-remote", "--symref", "--", url, "HEAD", login=login)
    if heads.startswith("ref: "):
        git(at, "symbolic-ref", "HEAD", heads.split()[1])


def fetch_commit(checkout: Checkout, git: Git, login: Login, tell: Tell) -> None:
    """A commit that is on no branch: many servers give it to whoever can name it."""
    if not WHOLE_ID.fullmatch(commit := checkout.commit or ""):
        return
    at = f"--git-dir={clone_of(checkout)}"
    options = ("--no-write-fetch-head", "--progress")
    refspec = f"+{commit}:{KEPT}/{commit}"
    with suppress(GitFailed):  # that it is not there is said where it is checked out
        git(at, "fetch", *options, "--", checkout.repository, refspec, login=login, tell=tell)


def whole(clone: Path) -> bool:
    """What has not what every repository has (a full disk, a hand that tidied up) is removed."""
    if all((clone / part).exists() for part in ("HEAD", "objects", "refs")):
        return True
    shutil.rmtree(clone, ignore_errors=True)
    return False


def is_there(clone: Path, commit: str, git: Git) -> bool:
    """Whether a commit, whole or shortened, is in the clone. A tag may have moved; it is not."""
    if not OBJECT_ID.fullmatch(commit):
        return False
    found = commit_of(f"--git-dir={clone}", commit, git)
    return found is not None and found.startswith(commit.lower())


def commit_of(at: str, name: str, git: Git) -> str | None:
    """The id of what ``name`` stands for in the repository ``at`` (an option of git's)."""
    try:
        return git(at, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except GitFailed:
        return None


def unreachable(checkout: Checkout, said: str) -> str:
    hint = next((hint for pattern, hint in HINTS if pattern.search(said)), "")
    there = clone_of(checkout).exists()
    if there and not hint:
        hint = " --offline runs what was fetched before."
    failed = "fetch from" if there else "clone"
    return f"cannot {failed} {checkout.repository}: {said.rstrip('.')}.{hint}"


def incoming_of(clone: Path) -> str:
    return f"{clone.name}.incoming-"


def clear(clone: Path) -> None:
    """What a run that was killed has left of this clone; nobody else is at work, by its lock."""
    for wreck in clone.parent.glob(f"{incoming_of(clone)}*"):
        shutil.rmtree(wreck, ignore_errors=True)
    if clone.exists():
        for stale in (*clone.glob("*.lock"), *clone.glob("refs/**/*.lock")):
            stale.unlink(missing_ok=True)
        for piece in clone.glob("objects/pack/tmp_*"):
            piece.unlink(missing_ok=True)
