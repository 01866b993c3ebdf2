"""The engine as it describes itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from localdlc.doctor.check import Check
from localdlc.run.engine import EngineFacts

__all__ = ["engine_checks"]

# Before it containers of one network that end at once may lock it up (moby/libnetwork#2679).
STEADY = (20, 10, 27)
# Drivers that copy every layer for every container.
COPYING = frozenset({"vfs"})


def engine_checks(facts: EngineFacts) -> Iterator[Check]:
    yield version_check(facts)
    yield storage_check(facts)
    yield cgroup_check(facts)


def version_check(facts: EngineFacts) -> Check:
    says = f"{facts.name} {facts.version} at {facts.address}"
    if facts.rootless:
        says += ", rootless"
    numbers = tuple(map(int, re.findall(r"\d+", facts.version)[:3]))
    if facts.name == "docker" and numbers < STEADY and len(numbers) == len(STEADY):
        return Check(
            "engine",
            "warning",
            f"{says}: it may lock up when containers of one network end at once",
            "Docker 20.10.27 and later do not; a localdlc that waits for it says so.",
        )
    return Check("engine", "ok", says)


def storage_check(facts: EngineFacts) -> Check:
    where = f" in {facts.folder}" if facts.folder else ""
    says = f"{facts.storage or 'unknown'}{where}"
    if facts.storage in COPYING:
        mend = "Let it use overlay2: see `docker info` and the daemon's storage-driver."
        return Check("storage", "warning", f"{says}: it copies the image for each container", mend)
    return Check("storage", "ok", says)


def cgroup_check(facts: EngineFacts) -> Check:
    if facts.cgroups in {"", "none"}:
        return Check(
            "cgroups",
            "warning",
            "the engine has no control groups: limits of memory and CPU have no effect",
            "A rootless engine needs cgroup v2 and systemd's delegation of cpu and memory.",
        )
    return Check("cgroups", "ok", f"version {facts.cgroups}")
