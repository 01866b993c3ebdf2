"""Places of this machine that matter, as they are here: symbolic links followed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from localdlc.errors import EngineUnavailable
from localdlc.plan.host_paths import Protected
from localdlc.run.engine_address import candidates

__all__ = ["protected_places", "real"]

SYSTEM = "/bin /boot /etc /lib /lib32 /lib64 /proc /sbin /sys /usr /var/run /Library /System"
# People have data in memory, and on disks that were plugged in.
BUSY = {"/dev": ("/dev/shm",), "/run": ("/run/media",)}  # noqa: S108 - to look at, not to write
ENGINES = "/var/lib/docker /var/lib/containerd /var/lib/containers"
KEYS = ".aliyun .aws .docker .gnupg .kube .ssh"


def protected_places(
    environment: Mapping[str, str], home: Path, denied: Iterable[Path]
) -> list[Protected]:
    """Everything that is not mounted unless the user insists; ``home`` is that of localdlc."""
    return [
        replace(place, path=real(place.path), but=tuple(map(real, place.but)))
        for place in places(environment, home, denied)
    ]


def places(
    environment: Mapping[str, str], home: Path, denied: Iterable[Path]
) -> Iterator[Protected]:
    yield from (Protected(path, "named in denied_host_paths") for path in denied)
    yield Protected(home, "where localdlc keeps its jobs", below=False)
    yield Protected(home / "cache", "the cache of localdlc")
    user = Path(environment.get("HOME") or Path.home())
    yield Protected(user, "your home", below=False)
    yield from (Protected(path, "the engine's socket") for path in sockets(environment))
    yield from (Protected(user / name, "where your keys are") for name in KEYS.split())
    yield from (
        Protected(Path(path), "where the engine keeps all it has") for path in ENGINES.split()
    )
    yield from (Protected(Path(path), "part of the system") for path in SYSTEM.split())
    for path, but in BUSY.items():
        yield Protected(Path(path), "part of the system", but=tuple(map(Path, but)))


def sockets(environment: Mapping[str, str]) -> list[Path]:
    try:
        urls = [address.url for address in candidates(environment)]
    except EngineUnavailable:  # a context that cannot be read is told when it is needed
        return []
    return [Path(url.removeprefix("unix://")) for url in urls if url.startswith("unix:///")]


def real(path: Path) -> Path:
    """Without symbolic links; what does not exist is taken as it is spelled."""
    return Path(os.path.realpath(path))
