"""DataSources and CodeSource become inputs: what to bring from where, and where it is seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from localdlc.errors import InputError, Problem
from localdlc.plan.model import Checkout, Input

if TYPE_CHECKING:
    from localdlc.config import CodeSource, Config
    from localdlc.spec.request import CreateJobRequest

DEFAULT_MOUNT = "/mnt/data"
DEFAULT_CODE_MOUNT = "/root/code"


def inputs(
    request: CreateJobRequest, config: Config, job_id: str
) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Every input and the notes about them; raises `InputError` with all that cannot be found."""
    problems: list[Problem] = []
    notes: list[str] = []
    found = [
        *data_inputs(request, config, problems, notes),
        *code_inputs(request, config, job_id, problems, notes),
        *library_inputs(request),
    ]
    problems += collisions(found)
    if problems:
        raise InputError(f"{len(problems)} input(s) cannot be brought", tuple(problems))
    return tuple(found), tuple(notes)


def collisions(found: list[Input]) -> list[Problem]:
    """No two inputs in one place; `check` sees only the MountPaths that the request spells out."""
    return [
        Problem(
            "", "InvalidParameter", f"{count} inputs are mounted at {target}; each needs its own."
        )
        for target, count in Counter(item.target for item in found if item.target).items()
        if count > 1
    ]


def data_inputs(
    request: CreateJobRequest, config: Config, problems: list[Problem], notes: list[str]
) -> list[Input]:
    found = []
    sources = request.DataSources or []
    targets = mount_paths(request, notes)
    for position, (source, target) in enumerate(zip(sources, targets, strict=True)):
        name = source.Uri or source.DataSourceId or ""
        folder = mapped(name, config.map) or local_folder(name)
        if folder is None:
            problems.append(unmapped(f"DataSources[{position}]", name))
            continue
        read_only = source.MountAccess == "RO"
        found.append(Input("data", name, target, read_only, source=str(folder)))
    return found


def mount_paths(request: CreateJobRequest, notes: list[str]) -> list[str]:
    """Each MountPath; ``/mnt/data``, ``/mnt/data-2``, … where none is given (PAI's SDK default)."""
    sources = request.DataSources or []
    given = (s.MountPath for s in (*sources, request.CodeSource) if s)
    taken = {path.rstrip("/") for path in given if path}
    paths = []
    for position, source in enumerate(sources):
        path = source.MountPath and source.MountPath.rstrip("/")
        if not path:
            names = (DEFAULT_MOUNT, *(f"{DEFAULT_MOUNT}-{n}" for n in range(2, len(sources) + 3)))
            path = next(name for name in names if name not in taken)
            taken.add(path)
            notes.append(
                f"DataSources[{position}]: no MountPath is given; it is mounted at {path}."
            )
        paths.append(path)
    return paths


def mapped(name: str, folders: Mapping[str, Path]) -> Path | None:
    """The folder that ``--map`` or ``[map]`` gives a Uri or id; a prefix maps what is below it."""
    wanted = name.rstrip("/")
    for prefix in sorted(folders, key=len, reverse=True):
        stem = prefix.rstrip("/")
        below = wanted[len(stem) :]
        if wanted.startswith(stem) and below[:1] in {"", "/"} and ".." not in below.split("/"):
            return folders[prefix] / below.lstrip("/")
    return None


def local_folder(uri: str) -> Path | None:
    """The folder of a ``file://`` Uri, None for any other."""
    parts = split(uri)
    if parts is None or parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    return Path(unquote(parts.path))


def split(uri: str) -> SplitResult | None:
    """None for what no URL can be, such as ``oss://[bucket/``."""
    try:
        return urlsplit(uri)
    except ValueError:
        return None


def unmapped(path: str, name: str) -> Problem:
    return Problem(
        path,
        "InvalidParameter",
        f"{name} is not on this machine. Give it a folder: --map {name}=FOLDER, or in "
        f'localdlc.toml: [map] "{name}" = "FOLDER".',
    )


def code_inputs(
    request: CreateJobRequest,
    config: Config,
    job_id: str,
    problems: list[Problem],
    notes: list[str],
) -> list[Input]:
    asked = request.CodeSource
    if asked is None or not asked.CodeSourceId:
        return []
    known = config.code_sources.get(asked.CodeSourceId)
    if known is None:
        problems.append(unregistered(asked.CodeSourceId))
        return []
    if config.offline and not known.local:
        problems.append(out_of_reach(known.shown))
        return []
    mount = asked.MountPath or known.mount_path
    if not mount:
        mount = DEFAULT_CODE_MOUNT
        notes.append(f"CodeSource: no MountPath is given; the code is mounted at {mount}.")
    folder = config.home / "jobs" / job_id / "code"
    branch, commit = revision(known, asked.Branch, asked.Commit)
    checkout = Checkout(known.repository, branch, commit, str(folder), known.user, known.token)
    target = mount.rstrip("/") if known.clone_type else f"{mount.rstrip('/')}/{name_of(known)}"
    uri = known.shown
    return [Input("code", uri, target, False, source=str(folder), checkout=checkout)]


def library_inputs(request: CreateJobRequest) -> list[Input]:
    """What the image's pip installs in every replica before its command; nothing is mounted."""
    folder = (request.ThirdpartyLibDir or "").rstrip("/")
    listed = [f"{folder}/requirements.txt"] if folder else []
    return [Input("libs", wanted, "", False) for wanted in (*request.ThirdpartyLibs, *listed)]


def revision(
    known: CodeSource, branch: str | None, commit: str | None
) -> tuple[str | None, str | None]:
    """Branch and commit to check out; a commit wins, and a Branch of the request disables the
    commit that the code source has stored, because it is the more specific wish.
    """
    if commit or branch:
        return branch or known.branch, commit
    return known.branch, known.commit


def name_of(known: CodeSource) -> str:
    """The folder of CloneType 0: the repository's name without ``.git``, as git finds it."""
    return re.split("[/:]", known.repository.rstrip("/"))[-1].removesuffix(".git")


def out_of_reach(repository: str) -> Problem:
    return Problem(
        "CodeSource.CodeSourceId",
        "InvalidParameter",
        f"{repository} cannot be cloned: localdlc is offline. Register a clone of it on this "
        "machine, or leave out --offline.",
    )


def unregistered(code_source_id: str) -> Problem:
    return Problem(
        "CodeSource.CodeSourceId",
        "InvalidParameter",
        f"{code_source_id} is not registered here. The request does not hold the repository; add "
        f'it to localdlc.toml: [code_sources."{code_source_id}"] repository = "URL or folder".',
    )
