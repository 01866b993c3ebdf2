"""What was measured on, and what is on its engine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.workbench import docker

__all__ = ["Circumstances", "observe"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """A moment's load (averages over 1 and 5 minutes) and what the engine holds."""

    moment: datetime
    load: tuple[float, float]
    containers: int
    networks: int


def observe() -> Circumstances:
    return Circumstances(
        datetime.now(UTC),
        os.getloadavg()[:2],
        containers=len(docker("ps", "--all", "--quiet").split()),
        networks=len(docker("network", "ls", "--quiet").split()),
    )


def machine() -> str:
    """``2 cores of Some CPU, 24 GB, Linux 6.1``"""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores of {processor()}, {memory:.0f} GB, {system}"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def software() -> str:
    engine = docker("version", "--format", "{{.Server.Version}}")
    return f"Docker Engine {engine}, Python {platform.python_version()}"
