"""This machine beside its engine: room, memory, programs, settings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from localdlc.config import Config
from localdlc.doctor.check import Check

__all__ = ["config_checks", "memory_check", "program_checks", "room_check"]

GIB = 1 << 30
# Free bytes below which nearly nothing fits, and below which images and data may not.
TOO_LITTLE, LITTLE = GIB, 10 * GIB
LITTLE_MEMORY = GIB
# What each program is for, and how it is had.
PROGRAMS = {
    "git": ("code sources are cloned with it", "apt-get install git"),
    "ssh": ("repositories at git@host:… are reached with it", "apt-get install openssh-client"),
    "git-lfs": ("large files of a repository come with it", "apt-get install git-lfs"),
}


def room_check(name: str, folder: Path, mend: str) -> Check:
    """Whether there is room where ``folder`` is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, "skipped", f"{folder}: {error.strerror}")
    says = f"{free / GIB:.1f} GiB are free in {folder}"
    if free < LITTLE:
        return Check(name, "problem" if free < TOO_LITTLE else "warning", says, mend)
    return Check(name, "ok", says)


def memory_check() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    says = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB are free"
    if memory.available < LITTLE_MEMORY:
        mend = "End what holds it: `ps aux --sort -rss | head` shows what does."
        return Check("memory", "warning", says, mend)
    return Check("memory", "ok", says)


def program_checks(path: str | None = None) -> Iterator[Check]:
    for name, (purpose, mend) in PROGRAMS.items():
        if found := shutil.which(name, path=path):
            yield Check(name, "ok", found)
        else:
            yield Check(name, "warning", f"is not there; {purpose}", mend)


def config_checks(config: Config, strangers: Iterable[str]) -> Iterator[Check]:
    """Variables that mean nothing, and folders that settings name and that are not there."""
    found = [*(Check("config", "warning", stranger) for stranger in strangers), *missing(config)]
    yield from found or [Check("config", "ok", files_of(config.origins))]


def missing(config: Config) -> Iterator[Check]:
    places: dict[str, Path] = {f"map of {uri}": place for uri, place in config.map.items()}
    places |= {
        f"code source {name}": source.folder
        for name, source in config.code_sources.items()
        if source.folder
    }
    if config.code_dir:
        places["code_dir"] = config.code_dir
    for what, place in places.items():
        if not place.exists():
            mend = "Make it, or name another in localdlc.toml."
            yield Check("config", "warning", f"{what}: {place} is not there", mend)


def files_of(origins: Mapping[str, str]) -> str:
    """The files that settings came from, in the order of the settings."""
    files = list(dict.fromkeys(origin for origin in origins.values() if os.sep in origin))
    return f"read from {', '.join(files)}" if files else "there is no localdlc.toml; none is needed"
