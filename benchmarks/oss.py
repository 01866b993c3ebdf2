"""A local OSS with data to fetch: the tests' server, in a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.workbench import ROOT, Broken

__all__ = ["HUGE", "LARGE", "SMALL", "Data", "served"]

BUCKET = "data"


@dataclass(frozen=True, slots=True)
class Data:
    """``files`` files of ``size`` bytes in ``folders`` folders.

    ``distinct`` have a content of their own, the others are hard links to one of these.
    """

    name: str
    files: int
    size: int
    folders: int
    distinct: int

    @property
    def uri(self) -> str:
        return f"oss://{BUCKET}/{self.name}/"

    @property
    def bytes(self) -> int:
        return self.files * self.size

    def write(self, folder: Path) -> None:
        """Random bytes, so that nothing on the way can be shorter than it looks."""
        paths = [folder / f"{n % self.folders:03}/{n:06}.bin" for n in range(self.files)]
        for place in {path.parent for path in paths}:
            place.mkdir(parents=True)
        for n, path in enumerate(paths):
            if n < self.distinct:
                path.write_bytes(os.urandom(self.size))
            else:
                path.hardlink_to(paths[n % self.distinct])

    def found_in(self, folder: Path) -> None:
        """Raises `Broken` unless ``folder`` has as many files and bytes."""
        sizes = [
            Path(place, name).stat().st_size
            for place, _, names in os.walk(folder)
            for name in names
        ]
        if (len(sizes), sum(sizes)) != (self.files, self.bytes):
            raise Broken(f"{folder} has {len(sizes)} files and {sum(sizes)} bytes of {self}")


LARGE = Data("large", 64, 1 << 24, 8, 64)
SMALL = Data("small", 20_000, 1 << 12, 200, 20_000)
HUGE = Data("huge", 640, 1 << 24, 8, 16)


@cache
def served(folder: Path, data: Data) -> Mapping[str, str]:
    """The variables for a client of a server that has this data. It ends with this process."""
    data.write(folder / BUCKET / data.name)
    command = [sys.executable, "-m", "oss", "--folder", str(folder)]
    server = subprocess.Popen(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True)
    atexit.register(server.terminate)
    assert server.stdout
    variables: Mapping[str, str] = json.loads(server.stdout.readline())
    return variables
