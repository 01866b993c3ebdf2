"""Get what set-up needs of the operating system: git, and Python's venv; for tests, Git LFS.

Usage: python tools/packages.py

Does nothing where all is there. Installs by apt-get where it may, else says what is missing.
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

say = partial(print, flush=True)

# Other set-ups may be at it on a fresh machine: wait for them.
APT_GET = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0")


def main() -> int:
    """Install what is missing; 0 when nothing is any more that set-up needs."""
    absent, wished = missing(), wishes()
    if not (absent or wished):
        return 0
    able = may_install()
    if absent and not able:
        say(f"missing: {', '.join(absent)}. Install with the system's package manager, try again.")
        return 1
    if absent:
        install(absent)
    if wished and not (able and attempted(wished)):
        say(f"tests that need {' '.join(wished)} will be skipped")
    return 0


def attempted(packages: Sequence[str]) -> bool:
    """Whether they could be installed."""
    try:
        install(packages)
    except subprocess.CalledProcessError:
        return False
    return True


def missing() -> list[str]:
    """Debian's names of what this machine lacks."""
    absent = [] if shutil.which("git") else ["git"]
    # Debian's Python has venv without ensurepip until python3.x-venv is there.
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        absent.append(f"python3.{sys.version_info.minor}-venv")
    return absent


def wishes() -> list[str]:
    """Debian's names of what only tests need here."""
    return [name for name in ("git-lfs",) if not which(name)]


def may_install() -> bool:
    """Whether this is of the Debian family, and we are root or can be without a password."""
    return bool(shutil.which("apt-get")) and as_root() is not None


def as_root() -> tuple[str, ...] | None:
    """What to put before a command to run it as root; None when we cannot."""
    if os.geteuid() == 0:
        return ()
    sudo = ("sudo", "-n")
    able = (
        shutil.which("sudo")
        and not subprocess.run((*sudo, "true"), capture_output=True, check=False).returncode
    )
    return sudo if able else None


def install(packages: Sequence[str]) -> None:
    """Install ``packages`` by apt-get, without questions and without what they only recommend."""
    root = (*(as_root() or ()), "env", "DEBIAN_FRONTEND=noninteractive")
    say(f"installing {' '.join(packages)}")
    subprocess.run((*root, *APT_GET, "update"), check=True)
    subprocess.run(
        (*root, *APT_GET, "install", "-y", "--no-install-recommends", *packages), check=True
    )


def which(program: str) -> str | None:
    """Like `shutil.which`, and in the folders of system programs that a user's PATH may lack."""
    system = (Path(p) / program for p in ("/usr/sbin", "/sbin", "/usr/local/sbin"))
    return shutil.which(program) or next((str(p) for p in system if p.exists()), None)


if __name__ == "__main__":
    sys.exit(main())
