"""The highest ulimits that an engine can give its containers."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ceilings"]

PROC = Path("/proc")
# Capability 24 lets a process raise what it and its children may have at most.
SYS_RESOURCE = 1 << 24
ROWS = {"nofile": "Max open files", "memlock": "Max locked memory", "stack": "Max stack size"}
PATIENCE = 1.0


def ceilings(url: str) -> Mapping[str, int]:
    """By name, bytes or files, -1 for no limit. Empty when the engine may raise them, or for one
    of another machine, which is taken to be root there.

    An engine without rights, such as one of a user's own, would refuse to start a container.
    """
    if not url.startswith("unix://"):
        return {}
    try:
        process = PROC / str(listener(url.removeprefix("unix://")))
        return {} if may_raise(process) else hard_limits((process / "limits").read_text())
    except OSError:  # in another namespace: nobody of ours
        return {}


def listener(path: str) -> int:
    """The process that listens at a socket; 0 when it is out of sight."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", peer)[0])


def may_raise(process: Path) -> bool:
    """With the capability, and in the machine's own user namespace: another's does not count."""
    capable = re.search(r"^CapEff:\s*([0-9a-f]+)$", (process / "status").read_text(), re.MULTILINE)
    own = (process / "uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]
    return own and capable is not None and bool(int(capable[1], 16) & SYS_RESOURCE)


def hard_limits(text: str) -> dict[str, int]:
    """The third column of /proc/PID/limits: name, soft, hard."""
    found = {
        name: re.search(rf"^{title}\s+\S+\s+(\S+)", text, re.MULTILINE)
        for name, title in ROWS.items()
    }
    return {
        name: -1 if hard[1] == "unlimited" else int(hard[1]) for name, hard in found.items() if hard
    }
