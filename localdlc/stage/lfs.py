"""Files that a repository keeps in Git LFS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.stage.askpass import login
from localdlc.stage.clones import clone_of
from localdlc.stage.git_process import Git
from localdlc.stage.meter import some

__all__ = ["WITHOUT_LFS", "bring_lfs"]

# What git-lfs' own installation writes, and what stands in for it: a checkout leaves the pointers.
FILTER = (
    *("-c", "filter.lfs.clean=git-lfs clean -- %f"),
    *("-c", "filter.lfs.smudge=git-lfs smudge -- %f"),
    *("-c", "filter.lfs.process=git-lfs filter-process"),
    *("-c", "filter.lfs.required=true"),
)
WITHOUT_LFS = (
    *("-c", "filter.lfs.clean=", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process="),
    *("-c", "filter.lfs.required=false"),
)
# git-lfs' own variable for those who do not want the files.
SKIP = "GIT_LFS_SKIP_SMUDGE"


def bring_lfs(tree: Path, checkout: Checkout, git: Git, tell: Callable[[str], None]) -> str | None:
    """Puts the files of Git LFS in the place of their pointers; returns what to note, if anything.

    They are fetched once, into the bare clone. Raises `InputError` when git-lfs is not there, and
    for files that are missing while localdlc is offline.
    """
    found = git("-C", str(tree), "ls-files", "-z", "--", ":(attr:filter=lfs)").split("\0")
    names = [name for name in found if name]
    if not names:
        return None
    told = f"{len(names)} file(s) of Git LFS ({some(names)})"
    if os.environ.get(SKIP, "0").lower() not in {"", "0", "false"}:
        return f"{told} are pointers only, because {SKIP} is set."
    if shutil.which("git-lfs") is None:
        raise InputError(
            f"{checkout.repository} has {told}, and git-lfs is not installed here. Install it "
            f"(`apt install git-lfs`), or set {SKIP}=1 to run with their pointers."
        )
    tell("fetching files of Git LFS")
    storage = () if checkout.local else ("-c", f"lfs.storage={clone_of(checkout) / 'lfs'}")
    command = ("-C", str(tree), *FILTER, *storage, "lfs")
    if checkout.offline and not checkout.local:
        git(*command, "checkout")
        require_all(git(*command, "ls-files"), checkout)
    else:
        with login(checkout.repository, checkout.user, checkout.token) as known:
            git(*command, "pull", login=known, tell=tell)
    return None


def require_all(listed: str, checkout: Checkout) -> None:
    """Lines of ``git lfs ls-files``: an id, ``*`` or ``-`` for what is only a pointer, a name."""
    parts = [line.split(" ", 2) for line in listed.splitlines()]
    if missing := [name for _, mark, name in parts if mark == "-"]:
        raise InputError(
            f"{len(missing)} file(s) of Git LFS in {checkout.repository} ({some(missing)}) are "
            "not in the cache, and localdlc is offline. Run it once without --offline."
        )
