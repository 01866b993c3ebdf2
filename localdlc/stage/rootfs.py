"""A Debian root file system made on the spot, for machines that reach no image registry."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from localdlc.errors import ImageError

__all__ = ["SUITE", "make_rootfs", "mmdebstrap_command", "stream", "with_python"]

SUITE = "bookworm"  # the Debian whose own Python is 3.11
PYTHON_PACKAGES = ("python-is-python3", "python3", "python3-pip")

# What the tools leave of the machine they ran on.
OF_THE_HOST = (
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list.d/*",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_*",
)

# Debian's apt package carries the distribution's own sources as an example: the image gets those,
# and nothing of the sources this host was told to use.
SOURCES_EXAMPLE = "usr/share/doc/apt/examples/sources.list"
UNREAD = ("usr/share/doc/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/man/*")
READ = ("usr/share/doc/*/copyright", "usr/share/doc/apt/examples/*")

Progress = Callable[[str], None]


def make_rootfs(tar: Path, packages: Iterable[str], on_progress: Progress) -> None:
    """Write a root file system with Python 3.11, pip and ``packages`` to ``tar``.

    Raises `ImageError` when this machine has no tool to make one with, or the tool fails.
    """
    wanted = with_python(packages)
    tool = find_tool() or install_tool(on_progress)
    if tool == "mmdebstrap":
        command = mmdebstrap_command(tar, wanted, debian_sources(), apt_options(apt_settings()))
        stream(command, on_progress)
    else:
        debootstrap(tar, wanted, on_progress)


def with_python(packages: Iterable[str]) -> list[str]:
    """All that is to be installed, in one order."""
    return sorted({*PYTHON_PACKAGES, *packages})


def find_tool() -> str | None:
    """The tool that can be used here. Only mmdebstrap can do without root."""
    tools = ("mmdebstrap", "debootstrap") if os.geteuid() == 0 else ("mmdebstrap",)
    return next((tool for tool in tools if shutil.which(tool)), None)


def install_tool(on_progress: Progress) -> str:
    """Get mmdebstrap from this machine's own apt."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ImageError(
            "no image registry answers, and there is neither mmdebstrap nor (as root) debootstrap "
            "to make a Debian root file system with. Install mmdebstrap and try again."
        )
    on_progress("installing mmdebstrap")
    apt_get = ("apt-get", "-o", "DPkg::Lock::Timeout=300")
    stream((*apt_get, "update"), on_progress)
    needed = ("mmdebstrap", "debian-archive-keyring")
    stream((*apt_get, "install", "-y", "--no-install-recommends", *needed), on_progress)
    return "mmdebstrap"


def mmdebstrap_command(
    tar: Path, packages: Iterable[str], sources: Iterable[Path], options: Iterable[str]
) -> tuple[str, ...]:
    """One call that fetches, installs, trims and packs. ``options`` are of this host: none stay."""
    return (
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude=/{path}" for path in UNREAD),
        *(f"--dpkgopt=path-include=/{path}" for path in READ),
        *(f"--aptopt={option}" for option in options),
        *(f'--customize-hook=rm -f "$1"/{path}' for path in OF_THE_HOST),
        f'--customize-hook=cp "$1/{SOURCES_EXAMPLE}" "$1/etc/apt/sources.list"',
        SUITE,
        str(tar),
        *map(str, sources),
    )


def debootstrap(tar: Path, packages: Iterable[str], on_progress: Progress) -> None:
    """The elder tool: it fills a folder, which we trim and pack."""
    root = tar.with_suffix("")
    include = f"--include={','.join(packages)}"
    stream(("debootstrap", "--variant=minbase", include, SUITE, str(root)), on_progress)
    on_progress("packing the root file system")
    shutil.copy(root / SOURCES_EXAMPLE, root / "etc/apt/sources.list")
    for pattern in OF_THE_HOST:
        for file in root.glob(pattern):
            file.unlink()
    trim = re.compile(
        r"usr/share/(doc|info|locale|man)/.+|(dev|proc|sys|var/cache/apt|var/lib/apt/lists)/.+"
    )
    with tarfile.open(tar, "w") as archive:
        archive.add(root, ".", filter=lambda m: None if trim.fullmatch(m.name[2:]) else m)
    shutil.rmtree(root)


def apt_settings() -> str:
    """This host's apt configuration; nothing where there is no apt."""
    if not shutil.which("apt-config"):
        return ""
    dump = ("apt-config", "dump", "--no-empty")
    return subprocess.run(dump, capture_output=True, text=True, check=False).stdout


def apt_options(settings: str) -> list[str]:
    """What a fetch needs of them. mmdebstrap reads none of the host's apt.conf.d by itself."""
    needed = re.compile(r"Acquire::(https?|Retries|ForceIPv[46]|Check-Valid-Until)\b.*;")
    return [line for line in settings.splitlines() if needed.fullmatch(line)]


def debian_sources(etc: Path = Path("/etc")) -> list[Path]:
    """This host's apt sources that hold `SUITE` itself; none: the tool knows Debian's mirrors."""
    apt = etc / "apt"
    files = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))]
    return [file for file in files if file.is_file() and serves_suite(file)]


def serves_suite(file: Path) -> bool:
    """Whether a sources file has Debian's main archive, and is not a vendor's side archive."""
    form = {
        ".list": rf"^deb\s.*\s{SUITE}\s+(\S+\s+)*main\b",
        ".sources": rf"^Suites:(.*\s)?{SUITE}(\s.*)?$",
    }.get(file.suffix)
    return bool(form and re.search(form, file.read_text(errors="replace"), re.MULTILINE))


def stream(
    command: Sequence[str],
    on_progress: Progress,
    *,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run ``command`` and pass on its lines. Raises `ImageError` with its last words."""
    last: deque[str] = deque(maxlen=8)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(environment or {})}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=quiet,
    ) as process:
        for line in process.stdout or ():
            last.append(line.rstrip())
            on_progress(line.rstrip())
    if process.returncode:
        raise ImageError(f"{command[0]} failed ({process.returncode}):\n" + "\n".join(last))
