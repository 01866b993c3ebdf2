"""A Docker engine that gives out NVIDIA GPUs which are not there, beside the one that there may be.

Usage: python tools/gpu_engine.py

Runs as root until it is interrupted, and says how to use it. Docker takes requests for NVIDIA's
GPUs when it finds their hook on its PATH as it starts, and tells each container which it has
(NVIDIA_VISIBLE_DEVICES). The hook here does nothing. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

say = partial(print, flush=True)

HOOK = "nvidia-container-runtime-hook"
READY = "API listen on"


def main() -> int:
    """Start one and wait."""
    program = dockerd()
    if program is None:
        say("this needs dockerd, and root to start it")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background a shell has one ignored
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), daemon(program) as address:
        say(f"docker save localdlc/base:latest | docker -H {address} load")
        say(f"export DOCKER_HOST={address}")
        say(f"export LOCALDLC_GPU_INVENTORY='{cards(4)}'")
        Event().wait()
    return 0


def dockerd() -> str | None:
    """Find the program, where we may run it."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return shutil.which("dockerd", path=path) if os.geteuid() == 0 else None


def cards(count: int) -> str:
    """Write down so many GPUs."""
    card = {"name": "Tesla T4", "memory": 16 << 30}
    return json.dumps([{"index": n, "uuid": f"GPU-{n}", **card} for n in range(count)])


@contextmanager
def daemon(program: str, settings: Mapping[str, object] | None = None) -> Iterator[str]:
    """Run a dockerd with nothing in it, and yield its address. Raises `RuntimeError`.

    ``settings`` are of its daemon.json.
    """
    folder = Path(tempfile.mkdtemp(prefix="localdlc-engine-"))  # a socket's path must be short
    address = f"unix://{folder}/docker.sock"
    (folder / HOOK).write_text("#!/bin/sh\n")
    (folder / HOOK).chmod(0o755)
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid", "config-file": "json"}
    own = [f"--{flag}={folder / name}" for flag, name in places.items()]
    (folder / "json").write_text(json.dumps(settings or {}))
    # In a network of its own: a dockerd that is to have no default bridge removes the one that it
    # finds, and chains of iptables, too, are the other engine's matter.
    apart = ("--bridge=none", "--iptables=false", "--ip-masq=false", f"--host={address}")
    with subprocess.Popen(
        ("unshare", "--net", program, *own, *apart),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin"},
        start_new_session=True,
    ) as process:
        said = process.stderr or ()
        # What it goes on to say is nobody's, but it must be able to say it.
        reader = Thread(target=lambda: [None for _ in said], daemon=True)
        try:
            told = list(until(said, READY))
            if not told or READY not in told[-1]:
                raise RuntimeError(f"{program} does not start:\n{''.join(told[-20:])}")
            reader.start()
            yield address
        finally:
            process.terminate()
            process.wait()
            if reader.ident:
                reader.join()
            tidy(folder)


def until(lines: Iterable[str], text: str) -> Iterator[str]:
    """Yield lines as far as one with the text."""
    for line in lines:
        yield line
        if text in line:
            return


def tidy(folder: Path) -> None:
    """Remove what a daemon leaves: its folders, and what it has mounted there."""
    mounts = re.findall(rf" ({re.escape(str(folder))}\S*) ", Path("/proc/mounts").read_text())
    for mount in mounts:
        subprocess.run(("umount", "--lazy", mount), check=False)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
