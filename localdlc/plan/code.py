"""A CodeSource becomes an input: a clone to make, or a folder to use as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from localdlc.errors import Problem
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input

if TYPE_CHECKING:
    from localdlc.config import CodeSource, Config
    from localdlc.spec.request import Code, CreateJobRequest

__all__ = ["code_inputs", "divided", "name_of"]

DEFAULT_MOUNT = "/root/code"
# scheme, then what stands before the last @ of the host's part
URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:(?P<login>[^/]*)@)?(?P<rest>.*)")


def code_inputs(
    request: CreateJobRequest,
    config: Config,
    job_id: str,
    problems: list[Problem],
    notes: list[str],
) -> list[Input]:
    """The one code source of a request, or none; adds to ``problems`` and ``notes``."""
    asked = request.CodeSource
    code_source_id = (asked and asked.CodeSourceId) or ""
    known = config.code_sources.get(code_source_id)
    if config.code_dir:
        where = config.named("code_dir")
        return [as_it_is(config.code_dir, where, asked, known, notes)]
    if known and known.folder:
        where = f'[code_sources."{code_source_id}"] folder'
        return [as_it_is(known.folder, where, asked, known, notes)]
    if asked is None or not code_source_id:
        return []
    if known is None:
        problems.append(unregistered(code_source_id))
        return []
    target = place(mount_path(asked, known, notes), known, name_of(known.repository))
    checkout = checkout_of(known, asked, config, job_id)
    return [
        Input("code", known.shown, target, False, checkout.folder, checkout, where="CodeSource")
    ]


def as_it_is(
    folder: Path, where: str, asked: Code | None, known: CodeSource | None, notes: list[str]
) -> Input:
    """A working tree, mounted without a clone: whatever is in it runs."""
    if asked is None or not asked.CodeSourceId:
        notes.append(f"The request has no CodeSource; {folder} is mounted all the same.")
    elif wanted := asked.Commit or asked.Branch:
        notes.append(f"CodeSource: {wanted} is not checked out; {folder} is used as it is.")
    name = name_of(known.repository) if known and known.repository else folder.name
    target = place(mount_path(asked, known, notes), known, name)
    return Input("code", str(folder), target, False, source=str(folder), where=where)


def mount_path(asked: Code | None, known: CodeSource | None, notes: list[str]) -> str:
    """The request's MountPath, else the code source's, else ours."""
    mount = (asked and asked.MountPath) or (known and known.mount_path)
    if not mount:
        notes.append(f"CodeSource: no MountPath is given; the code is mounted at {DEFAULT_MOUNT}.")
    return (mount or DEFAULT_MOUNT).rstrip("/")


def place(mount: str, known: CodeSource | None, name: str) -> str:
    """CloneType 0, the default, makes a folder of the repository's name; 1 makes none."""
    return mount if known and known.clone_type else f"{mount}/{name}"


def checkout_of(known: CodeSource, asked: Code, config: Config, job_id: str) -> Checkout:
    repository, user, token = login_of(known)
    branch, commit = revision(known, asked.Branch, asked.Commit)
    return Checkout(
        repository,
        branch,
        commit,
        folder=str(config.job_folder(job_id) / "code"),
        user=user,
        token=token,
        cache=str(config.home / "cache" / "code"),
        offline=config.offline,
    )


def revision(
    known: CodeSource, branch: str | None, commit: str | None
) -> tuple[str | None, str | None]:
    """Branch and commit to check out; a commit wins, and a Branch of the request disables the
    commit that the code source has stored, because it is the more specific wish.
    """
    if commit or branch:
        return branch or known.branch, commit
    return known.branch, known.commit


def login_of(known: CodeSource) -> tuple[str, str | None, str | None]:
    """The repository's URL without a login, the user and the token.

    Those of the code source go before those in the URL. A URL with nothing but ``TOKEN@`` is how
    hosts of repositories document it, so that is a token unless there is one already.
    """
    repository, user, token = divided(known.repository)
    if known.token or token or known.user:
        return repository, known.user or user, known.token or token
    return repository, None, user


def divided(repository: str) -> tuple[str, str | None, str | None]:
    """A URL, and the user and the password that stood in it.

    ssh keeps its user, which is no secret, and takes no password from a URL.
    """
    parts = URL.fullmatch(repository)
    if parts is None or not parts["login"]:
        return repository, None, None
    user, _, password = parts["login"].partition(":")
    if not parts["scheme"].lower().startswith("http"):
        return f"{parts['scheme']}{user}@{parts['rest']}", None, None
    return parts["scheme"] + parts["rest"], unquote(user) or None, unquote(password) or None


def name_of(repository: str) -> str:
    """The folder of CloneType 0: the repository's name without ``.git``, as git finds it."""
    return re.split("[/:]", repository.rstrip("/"))[-1].removesuffix(".git")


def unregistered(code_source_id: str) -> Problem:
    return Problem(
        "CodeSource.CodeSourceId",
        "InvalidParameter",
        f"{code_source_id} is not registered here. The request does not hold the repository; add "
        f'it to localdlc.toml: [code_sources."{code_source_id}"] repository = "URL or folder". '
        "Or give the folder that the code is in: --code-dir FOLDER.",
    )
