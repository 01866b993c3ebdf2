"""Rules of what is brought into the replicas: data, code and libraries."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from localdlc.spec.problems import invalid, missing, one_of
from localdlc.spec.rules.places import data_sources, roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = [
    "code_revision",
    "data_access",
    "data_options",
    "data_origin",
    "distinct_mounts",
    "libraries",
    "local_mounts",
    "mount_flaw",
    "mount_paths",
    "mounts",
    "place_of",
    "role_chains",
    "uris",
]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#].*|file:///.*", re.DOTALL)


def data_origin(request: CreateJobRequest) -> Iterator[Problem]:
    """Every source is a registered dataset or a Uri: exactly one of the two."""
    for path, source in data_sources(request):
        if source.DataSourceId and source.Uri:
            yield invalid(f"{path}.Uri", "excludes DataSourceId; give one of the two")
        elif not source.DataSourceId and not source.Uri:
            yield missing(path, "needs a DataSourceId or a Uri")


def uris(request: CreateJobRequest) -> Iterator[Problem]:
    """Uris have the form ``scheme://…``."""
    for path, source in data_sources(request):
        if source.Uri and not _URI.fullmatch(source.Uri):
            local = "; a folder of this machine is file:///folder" if source.Uri[0] in "/.~" else ""
            sentence = (
                f"must have the form scheme://place, as in oss://bucket.endpoint/path/{local}"
            )
            yield invalid(f"{path}.Uri", sentence)


def mount_paths(request: CreateJobRequest) -> Iterator[Problem]:
    """Absolute, without ``..``, and not the root."""
    for path, mount_path in mounts(request):
        sentence = mount_flaw(mount_path)
        if sentence:
            yield invalid(path, sentence)


def distinct_mounts(request: CreateJobRequest) -> Iterator[Problem]:
    """No two inputs lie in one place, however it is written."""
    first: dict[str, str] = {}
    for path, mount_path in mounts(request):
        if mount_flaw(mount_path):
            continue
        place = place_of(mount_path)
        if place in first:
            yield invalid(path, f"is also the MountPath of {first[place]}; each needs its own")
        first.setdefault(place, path.removesuffix(".MountPath"))


def data_access(request: CreateJobRequest) -> Iterator[Problem]:
    """Read only, or read and write."""
    for path, source in data_sources(request):
        yield from one_of(f"{path}.MountAccess", source.MountAccess, ("RO", "RW"))


def data_options(request: CreateJobRequest) -> Iterator[Problem]:
    """Options of a data source are JSON in a string."""
    for path, source in data_sources(request):
        if source.Options and not isinstance(_json(source.Options), dict):
            yield invalid(
                f"{path}.Options", 'must be a JSON object as text, such as "{\\"k\\": 1}"'
            )


def role_chains(request: CreateJobRequest) -> Iterator[Problem]:
    """Role chains are JSON lists in a string."""
    for path, source in data_sources(request):
        if source.RoleChain and not isinstance(_json(source.RoleChain), list):
            yield invalid(f"{path}.RoleChain", "must be a JSON list as text")


def code_revision(request: CreateJobRequest) -> Iterator[Problem]:
    """Git must take it for a branch or commit, and not for an option."""
    for name in ("Branch", "Commit"):
        revision = getattr(request.CodeSource, name, None)
        if revision and re.search(r"^-|\s", revision):
            yield invalid(f"CodeSource.{name}", "must not begin with '-' or hold white space")


def libraries(request: CreateJobRequest) -> Iterator[Problem]:
    """Libraries are requirements; their folder is a place in the container."""
    for index, item in enumerate(request.ThirdpartyLibs):
        if not item.strip():
            yield invalid(f"ThirdpartyLibs[{index}]", "must be a requirement such as numpy==1.26.4")
    if not (request.ThirdpartyLibDir or "/").startswith("/"):
        yield invalid("ThirdpartyLibDir", "must be an absolute path in the container")


def local_mounts(request: CreateJobRequest) -> Iterator[Problem]:
    """Local mounts are a folder of the node, or one of its block devices."""
    for role, spec in roles(request):
        for index, mount in enumerate(spec.LocalMountSpecs):
            at = f"{role}.LocalMountSpecs[{index}]"
            yield from one_of(f"{at}.MountMode", mount.MountMode, ("Filesystem", "Block"))
            yield from _local_mount(at, mount.MountMode, mount.LocalPath, mount.MountPath)


def _local_mount(
    at: str, mode: str | None, local: str | None, mount: str | None
) -> Iterator[Problem]:
    if mode == "Block" and local:
        yield invalid(f"{at}.LocalPath", "is not for MountMode Block; leave it out")
    if mode != "Block" and not (local or "").startswith("/"):
        yield (invalid if local else missing)(
            f"{at}.LocalPath", "must be an absolute path of the node"
        )
    if mount is None:
        yield missing(f"{at}.MountPath")
    elif mode == "Block" and not mount.startswith("/dev/"):
        yield invalid(f"{at}.MountPath", "must begin with /dev/ for MountMode Block")
    elif mount_flaw(mount):
        yield invalid(f"{at}.MountPath", mount_flaw(mount))


def mounts(request: CreateJobRequest) -> Iterator[tuple[str, str]]:
    """Every MountPath that the job has in all its replicas."""
    for path, source in data_sources(request):
        if source.MountPath is not None:
            yield f"{path}.MountPath", source.MountPath
    if request.CodeSource and request.CodeSource.MountPath is not None:
        yield "CodeSource.MountPath", request.CodeSource.MountPath


def place_of(mount_path: str) -> str:
    """The same for each way to write it."""
    return "/" + posixpath.normpath(mount_path).lstrip("/")


def mount_flaw(path: str) -> str:
    """What is wrong with a place in the container; "" for nothing."""
    if not path.startswith("/"):
        return "must be an absolute path in the container, such as /mnt/data"
    if ".." in path.split("/"):
        return "must not hold '..'"
    return "" if posixpath.normpath(path).strip("/") else "must not be the root folder"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
