"""Run one step of set-up: every line it prints gets the step's name and the seconds so far.

Usage: python tools/step.py NAME COMMAND [ARGUMENT ...]

Steps run side by side, so a line must say whose it is.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

say = partial(print, flush=True)


def main(name: str, command: Sequence[str]) -> int:
    """Run ``command`` to its end and return its exit status."""
    start = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if line.strip():
                say(stamp(name, start), line.rstrip())
    outcome = f"failed ({process.returncode})" if process.returncode else "done"
    say(stamp(name, start), outcome)
    return process.returncode


def stamp(name: str, start: float) -> str:
    """Whose line it is, and when it came."""
    return f"{name:>10} {time.monotonic() - start:6.1f} s |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
