"""DataSources become inputs: a folder of this machine, or something to fetch first."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from localdlc.config.model import Dataset
from localdlc.errors import Problem
from localdlc.plan.model import Fetch, Input
from localdlc.plan.options import parallel
from localdlc.plan.oss_uri import oss_place, public

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.spec.request import CreateJobRequest, DataSource

__all__ = ["configured_mounts", "data_inputs"]

DEFAULT_MOUNT = "/mnt/data"
# The version that GetDataset's own Uri belongs to (dlc-api E.3).
FIRST_VERSION = "v1"

# What a cluster mounts over its own network, and what nobody mounts at all.
OUT_OF_REACH = {
    "nas": "a file system of the cloud's network",
    "cpfs": "a file system of the cloud's network",
    "bmcpfs": "a file system of the cloud's network",
    "odps": "a MaxCompute table, which is read by code and never mounted",
}
# What fsspec reads and cannot write.
ONLY_READ = {"http", "https", "github", "git", "data", "zip", "tar", "libarchive", "reference"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One data source of the request beside what localdlc.toml registers for it."""

    name: str
    source: DataSource
    known: Dataset

    @property
    def uri(self) -> str | None:
        """Where it is: its own Uri, or that of the version asked for; None is not known."""
        if self.source.Uri:
            return self.source.Uri
        version = self.source.DataSourceVersion
        return self.versions.get(version) if version else self.known.uri

    @property
    def versions(self) -> dict[str, str]:
        first = {FIRST_VERSION: self.known.uri} if self.known.uri else {}
        return first | dict(self.known.versions)

    @property
    def read_only(self) -> bool:
        return (self.source.MountAccess or self.known.access) == "RO"


def data_inputs(
    request: CreateJobRequest,
    config: Config,
    job_id: str,
    problems: list[Problem],
    notes: list[str],
) -> list[Input]:
    """Every data source as an input; what cannot be is added to ``problems``."""
    asked = [asked_for(source, config) for source in request.DataSources or ()]
    targets = mount_paths(request, asked, notes)
    found = []
    for position, (one, target) in enumerate(zip(asked, targets, strict=True)):
        at = f"DataSources[{position}]"
        place = config.job_folder(job_id) / "data" / str(position)
        folder = mapped(one.name, config.map) or (one.uri and on_this_machine(one.uri, config))
        if folder:
            found.append(Input("data", one.name, target, one.read_only, str(folder), where=at))
        elif problem := unreachable(at, one) or unwritable(at, one, config):
            problems.append(problem)
        else:
            fetch = fetched(request, config, one)
            notes += remarks(at, one, fetch)
            brought = Input("data", shown(fetch.uri), target, one.read_only, str(place), where=at)
            found.append(replace(brought, fetch=fetch))
    return found


def asked_for(source: DataSource, config: Config) -> Asked:
    name = source.Uri or source.DataSourceId or ""
    wanted = name.rstrip("/")
    known = next((d for n, d in config.datasets.items() if n.rstrip("/") == wanted), Dataset())
    return Asked(name, source, known)


def fetched(request: CreateJobRequest, config: Config, asked: Asked) -> Fetch:
    known = asked.known
    return Fetch(
        uri=reachable(asked.uri or ""),
        property=known.property,
        include=known.include,
        exclude=known.exclude,
        sample=known.sample or config.sample,
        parallel=parallel(asked.source.Options, request.Options),
    )


def remarks(at: str, asked: Asked, fetch: Fetch) -> Iterator[str]:
    if fetch.uri != asked.uri:
        yield f"{at}: {asked.uri} is only reachable in the cloud; {fetch.uri} is read instead."
    if fetch.sample:
        part = f"a sample of {fetch.sample} of {fetch.uri}"
        yield f"{at}: the job sees {part}, all of it only if there is no more."


def reachable(uri: str) -> str:
    """An ``oss://`` Uri by its public endpoint; any other as it is."""
    if not uri.startswith("oss://"):
        return uri
    place = oss_place(uri)
    return str(replace(place, endpoint=public(place.endpoint)))


def mount_paths(request: CreateJobRequest, asked: list[Asked], notes: list[str]) -> list[str]:
    """Each MountPath: the request's, else the dataset's, else PAI's default.

    That is ``/mnt/data``, ``/mnt/data-2``, … (PAI's SDK).
    """
    wanted = [(one.source.MountPath or one.known.mount_path or "").rstrip("/") for one in asked]
    code = request.CodeSource.MountPath if request.CodeSource else None
    taken = {*wanted, (code or "").rstrip("/")}
    paths = []
    for position, path in enumerate(wanted):
        if not path:
            names = (DEFAULT_MOUNT, *(f"{DEFAULT_MOUNT}-{n}" for n in range(2, len(asked) + 3)))
            path = next(name for name in names if name not in taken)
            taken.add(path)
            notes.append(
                f"DataSources[{position}]: no MountPath is given; it is mounted at {path}."
            )
        paths.append(path)
    return paths


def configured_mounts(request: CreateJobRequest, config: Config) -> Iterator[str]:
    """The sources of the request whose MountPath is localdlc.toml's."""
    for position, source in enumerate(request.DataSources or ()):
        if not source.MountPath and asked_for(source, config).known.mount_path:
            yield f"DataSources[{position}]"


def on_this_machine(uri: str, config: Config) -> Path | None:
    return mapped(uri, config.map) or local_folder(uri)


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


def shown(uri: str) -> str:
    """Without the ``user:password@`` that people paste into a URL."""
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def unreachable(at: str, asked: Asked) -> Problem | None:
    """Why a source that is not on this machine cannot be fetched, if it cannot."""
    uri = asked.uri
    if not uri:
        return unregistered(at, asked)
    parts = split(uri)
    if parts is None or parts.scheme == "file":
        return unmapped(at, asked.name, "is not on this machine")
    if what := OUT_OF_REACH.get(parts.scheme):
        return unmapped(at, asked.name, f"is {what}")
    if parts.scheme == "oss" and not oss_place(uri).bucket:
        return unmapped(at, asked.name, "names no bucket")
    return None


def unwritable(at: str, asked: Asked, config: Config) -> Problem | None:
    """Why what the job writes over a source cannot be written back, if that is wanted."""
    scheme = (asked.uri or "").partition("://")[0]
    if not config.write_back or asked.read_only or scheme not in ONLY_READ:
        return None
    return Problem(
        at,
        "InvalidParameter",
        f"nothing can be written back to {scheme}://, as {config.named('write_back')} wants. "
        "Mount it read-only (MountAccess RO), or leave that out.",
    )


def unregistered(at: str, asked: Asked) -> Problem:
    version = asked.source.DataSourceVersion
    if version and asked.versions:
        close = difflib.get_close_matches(version, asked.versions, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        message = (
            f"{asked.name} has no version {version} here; there are: "
            f"{', '.join(asked.versions)}.{hint} Others are added in localdlc.toml: "
            f'[datasets."{asked.name}".versions] {version} = "URI".'
        )
        return Problem(f"{at}.DataSourceVersion", "InvalidParameter", message)
    return unmapped(
        at,
        asked.name,
        "is not registered here",
        f' Or say where it is: [datasets."{asked.name}"] uri = "oss://bucket.endpoint/path/".',
    )


def unmapped(at: str, name: str, why: str, more: str = "") -> Problem:
    return Problem(
        at,
        "InvalidParameter",
        f"{name} {why}. Give it a folder: --map {name}=FOLDER, or in "
        f'localdlc.toml: [map] "{name}" = "FOLDER".{more}',
    )
