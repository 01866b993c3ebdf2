"""One archive of all that is known of a job, to be attached to a ticket. Masked once more.

What was stored is masked already, by what was secret then; a secret that the configuration has
learnt since must not leave in an old log either.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import distributions
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import Config
from localdlc.errors import LocaldlcError, UsageError
from localdlc.plan.secrets import secrets_of_config
from localdlc.record.events import lines
from localdlc.record.masking import Mask, without_logins
from localdlc.record.store import Store
from localdlc.stage.credentials import local_secrets

if TYPE_CHECKING:
    from localdlc.doctor import Check

__all__ = ["bundle", "health", "versions"]

# Bytes of a file, from its end: a ticket takes no gigabytes.
LONGEST = 16 << 20
# Files of a job's folder that say something to others.
KEPT = ("request.json", "plan.json", "launch.json", "stacks-*.txt", "metrics/*", "logs/*.log")


def bundle(
    config: Config, name: str, file: Path | None, told: Iterable[tuple[str, str]], mask: Mask
) -> tuple[Path, list[str]]:
    """Writes a tar.gz that its owner alone may read; returns where it is and what is in it.

    ``name`` is an id, a unique prefix, or ``last``; ``told`` are further texts by their names.
    Without a ``file`` it is ``<JobId>.tar.gz``. Raises `UsageError` when it cannot be written.
    """
    mask.learn(secrets_of_config(config) | local_secrets(config, os.environ))
    with closing(Store(config.home)) as store:
        job_id = store.find(name)
        place = file or Path(f"{job_id}.tar.gz")
        try:
            place.touch(mode=0o600, exist_ok=False)
            with gone_unless_whole(place), place.open("wb") as out:
                return place, written(out, job_id, parts(store, job_id, told), mask)
        except FileExistsError as error:
            raise UsageError(f"{place} is there already; name another with --to.") from error
        except OSError as error:
            raise UsageError(f"{place} cannot be written: {error.strerror or error}.") from error


@contextmanager
def gone_unless_whole(file: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.unlink()
        raise


def written(out: Any, job_id: str, found: Iterable[tuple[str, bytes]], mask: Mask) -> list[str]:
    names = []
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in found:
            text = without_logins(mask.data(data).decode("utf-8", "backslashreplace")).encode()
            member = tarfile.TarInfo(f"{job_id}/{name}")
            member.size, member.mode, member.mtime = len(text), 0o600, time.time()
            archive.addfile(member, BytesIO(text))
            names.append(name)
    return names


def parts(
    store: Store, job_id: str, told: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, bytes]]:
    folder = store.job_folder(job_id)
    records = store.records(job_id)
    yield "events.jsonl", "".join(f"{line}\n" for each in records for line in lines(each)).encode()
    for pattern in KEPT:
        for path in sorted(folder.glob(pattern)):
            yield str(path.relative_to(folder)), end_of(path)
    for name, text in told:
        yield name, text.encode()


def end_of(path: Path) -> bytes:
    """Its last bytes; where something is left out, that is said in the first line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= LONGEST:
            return file.read()
        file.seek(-LONGEST, 2)
        file.readline()
        return f"(the first {size - LONGEST} bytes are left out)\n".encode() + file.read()


def versions() -> str:
    """Of localdlc, Python, this machine and every package, as JSON."""
    packages = {d.metadata["Name"]: d.version for d in distributions()}
    machine = platform.uname()
    known = {
        "localdlc": packages.get("localdlc"),
        "python": sys.version,
        "system": f"{machine.system} {machine.release} {machine.machine}",
        "packages": dict(sorted(packages.items())),
    }
    return json.dumps(known, indent=1)


def health(checks: Iterable[Check]) -> str:
    """What `localdlc doctor` says of this machine, but for what it tries in containers."""
    light = takewhile(lambda check: check.name != "image", checks)
    with suppress(LocaldlcError):
        return json.dumps([asdict(check) for check in light], indent=1)
    return "[]"
