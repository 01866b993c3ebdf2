"""Submodules of a working tree, each out of a bare clone of its own, as deep as they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.code import divided
from localdlc.stage.askpass import host_of, login
from localdlc.stage.clones import bare_clone, clone_of
from localdlc.stage.git_process import Git, GitFailed
from localdlc.stage.lfs import WITHOUT_LFS

__all__ = ["bring_submodules"]

# A repository that holds itself would never end.
DEEPEST = 10
# Holds a submodule's URL, since a value of -c may not follow a name with "=" in it.
VARIABLE = "LOCALDLC_SUBMODULE"

Tell = Callable[[str], None]


def bring_submodules(
    tree: Path, checkout: Checkout, git: Git, tell: Tell, depth: int = 0
) -> Iterator[tuple[Path, Checkout]]:
    """Fills the submodules of ``tree``, a working tree of ``checkout``, and theirs.

    Gives the working tree of each, and what it is one of. Raises `InputError` and `GitFailed`.
    """
    if depth == DEEPEST or not (tree / ".gitmodules").is_file():
        return
    git("-C", str(tree), "submodule", "--quiet", "init")
    folders = entries(tree, "path", git, "--file=.gitmodules")
    for name, url in entries(tree, "url", git, "--local").items():
        folder = folders[name]
        inner = source(checkout, url, commit_in(tree, folder, git))
        fill(tree, folder, url, inner, git, tell)
        yield tree / folder, inner
        yield from bring_submodules(tree / folder, inner, git, tell, depth + 1)


def entries(tree: Path, member: str, git: Git, where: str) -> dict[str, str]:
    """One member of each ``[submodule "NAME"]`` of a file of git's, by name."""
    wanted = ("--null", "--get-regexp", rf"^submodule\..*\.{member}$")
    try:
        found = git("-C", str(tree), "config", where, *wanted).split("\0")
    except GitFailed:  # there is none
        return {}
    pairs = (entry.partition("\n") for entry in found if entry)
    return {k.removeprefix("submodule.").removesuffix(f".{member}"): v for k, _, v in pairs}


def commit_in(tree: Path, folder: str, git: Git) -> str:
    """The commit that the working tree's own commit names for a submodule."""
    return git("-C", str(tree), "rev-parse", f":{folder}")


def source(checkout: Checkout, url: str, commit: str) -> Checkout:
    """Where a submodule comes from; the login of its parent is for its parent's host alone."""
    clean, user, token = divided(url)
    if token is None and host_of(clean) == host_of(checkout.repository):
        user, token = checkout.user, checkout.token
    inner = replace(checkout, repository=clean, branch=None, commit=commit, user=user, token=token)
    if inner.local and not checkout.local:
        raise InputError(
            f"{checkout.repository} has a submodule at {clean}, which is a folder of this machine; "
            "a repository from elsewhere may not ask for that."
        )
    return inner


def fill(tree: Path, folder: str, url: str, inner: Checkout, git: Git, tell: Tell) -> None:
    """Clones one submodule out of its bare clone; its configuration names the real URL."""
    instead: tuple[str, ...] = ()
    if not inner.local:
        with (
            login(inner.repository, inner.user, inner.token) as known,
            bare_clone(inner, git, known, tell),
        ):
            section = f"url.{clone_of(inner).as_uri()}.insteadOf"
            instead = (f"--config-env={section}={VARIABLE}",)
    allowed = (*WITHOUT_LFS, "-c", "protocol.file.allow=always")
    update = ("submodule", "--quiet", "update", "--", folder)
    git("-C", str(tree), *allowed, *instead, *update, env={VARIABLE: url})
