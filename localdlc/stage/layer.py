"""What a job writes over cached data, as folders of this machine: made, copied, read, cleared.

A layer is one folder. Above it the engine lays an overlay, whose own ``<layer>.work`` lies beside;
or it is a whole copy of the data, of which what the job wrote is left when it has ended.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localdlc.errors import InputError

__all__ = [
    "Written",
    "begin",
    "clear",
    "contents",
    "copy",
    "layers_in",
    "look",
    "may_be_told",
    "settle",
    "work_of",
]

# linux/fs.h: both files share their blocks until one of them is written (btrfs, XFS, bcachefs).
FICLONE = 0x40049409
OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
# Linux that lets an overlay keep its notes where anybody may read them.
USER_NOTES = (5, 11)


@dataclass(frozen=True, slots=True)
class Written:
    """What a job wrote: paths below the layer and their bytes; and what it deleted of the data."""

    files: tuple[tuple[str, int], ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.files)


def work_of(layer: Path) -> Path:
    """The kernel's own folder of an overlay; it must not lie inside of the layer."""
    return layer.with_name(f"{layer.name}.work")


def layers_in(folder: Path) -> list[Path]:
    """The layers of a job, by what is in their folder."""
    names = {path.name.removesuffix(".work") for path in folder.glob("*")}
    return [folder / name for name in sorted(names)]


def begin(layer: Path, lower: Path) -> None:
    """Empty folders for an overlay. The layer's mode is what replicas see at the mount point."""
    for folder in (layer, work_of(layer)):
        folder.mkdir(parents=True)
        folder.chmod(stat.S_IMODE(lower.stat().st_mode))


def copy(layer: Path, lower: Path, wanted: Callable[[], bool]) -> Path:
    """A copy to write into, blocks shared where the file system can; returns what to mount.

    A single file is copied into the layer's folder. Stops with `InputError` when the disk is full,
    or once it is not ``wanted`` any more; then nothing is left of it.
    """
    target = layer if lower.is_dir() else layer / lower.name

    def copied(source: str, to: str) -> None:
        if not wanted():
            raise InputError(f"the copy of {lower} was called off")
        clone(source, to)

    try:
        if lower.is_dir():
            shutil.copytree(lower, target, symlinks=True, copy_function=copied)
        else:
            layer.mkdir(parents=True)
            copied(str(lower), str(target))
    except (OSError, InputError) as error:
        shutil.rmtree(layer, ignore_errors=True)
        raise error if isinstance(error, InputError) else no_copy(error, lower, layer) from error
    return target


def no_copy(error: OSError, lower: Path, layer: Path) -> InputError:
    """`shutil.Error` holds a list of what it could not copy, each with its reason as text."""
    told = str(error)
    if error.errno != errno.ENOSPC and os.strerror(errno.ENOSPC) not in told:
        return InputError(f"{lower} cannot be copied to {layer}: {told}")
    needed = sum(path.lstat().st_size for path in given(lower))
    free = shutil.disk_usage(layer.parent).free
    return InputError(
        f"{lower} cannot be copied to {layer}: the disk is full. It needs {needed:,} bytes and "
        f"{max(0, needed - free):,} are missing. Free some, move the home (--home), or ask for "
        "MountAccess RO, which needs no copy."
    )


def clone(source: str, target: str) -> None:
    try:
        with Path(source).open("rb") as whole, Path(target).open("wb") as shared:
            fcntl.ioctl(shared, FICLONE, whole.fileno())
        shutil.copystat(source, target)
    except OSError:
        shutil.copy2(source, target)


def settle(layer: Path, lower: Path) -> Written:
    """After the job: tells what it wrote, and leaves just that, as plain files.

    What another user owns may stay; where it does, its folders do, too.
    """
    written = look(layer, lower)
    kept = {name for name, _ in written.files}
    for path in list(files(layer)):
        if str(path.relative_to(layer)) not in kept:
            with suppress(OSError):
                path.unlink()
    clear(layer)
    return written


def look(layer: Path, lower: Path) -> Written:
    """What the job wrote; nothing is changed."""
    return (read if work_of(layer).exists() else compare)(layer, lower)


def contents(layer: Path) -> Written:
    """What is in a layer that was settled."""
    sizes = ((str(path.relative_to(layer)), path.lstat().st_size) for path in files(layer))
    return Written(tuple(sizes))


def read(layer: Path, lower: Path) -> Written:
    """What an overlay holds. Deletions are character devices 0/0, and folders that hide others."""
    found, deleted = [], []
    for path in everything(layer):
        name, status = str(path.relative_to(layer)), path.lstat()
        if is_whiteout(status):
            folder = (lower / name).is_dir() and not (lower / name).is_symlink()
            deleted += sorted(gone(layer, lower, lower / name)) if folder else [name]
        elif not stat.S_ISDIR(status.st_mode):
            found.append((name, status.st_size))
        elif hides(path):
            deleted += sorted(gone(layer, lower, lower / name))
    return Written(tuple(found), tuple(deleted))


def hides(folder: Path) -> bool:
    """Whether it was deleted and made anew. Only root may read it where `may_be_told` says no."""
    for attribute in OPAQUE:
        with suppress(OSError):
            return os.getxattr(folder, attribute) == b"y"
    return False


def may_be_told(layer: Path) -> bool:
    """Whether a user needs the kernel's notes in attributes of users, and can have them there."""
    if os.geteuid() == 0 or linux() < USER_NOTES:
        return False
    try:
        os.setxattr(layer, "user.localdlc", b"")
        os.removexattr(layer, "user.localdlc")
    except OSError:
        return False
    return True


def linux() -> tuple[int, ...]:
    """``6.1-rc2`` and ``6.1.0-13-amd64`` are 6 and 1."""
    return tuple(map(int, os.uname().release.partition("-")[0].split(".")[:2]))


def gone(layer: Path, lower: Path, below: Path) -> Iterator[str]:
    for path in files(below):
        name = path.relative_to(lower)
        if not os.path.lexists(layer / name):
            yield str(name)


def is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def compare(layer: Path, lower: Path) -> Written:
    """What is not in a copy as it was, by size and time of change."""
    origin = lower if lower.is_dir() else lower.parent
    found, gone = [], {path.relative_to(origin) for path in given(lower)}
    for path in files(layer):
        name, status = path.relative_to(layer), path.lstat()
        gone.discard(name)
        if not same(origin / name, status):
            found.append((str(name), status.st_size))
    return Written(tuple(found), tuple(sorted(map(str, gone))))


def same(path: Path, status: os.stat_result) -> bool:
    try:
        before = path.lstat()
    except OSError:
        return False
    return (before.st_size, before.st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def clear(layer: Path) -> None:
    """Removes the kernel's folder and empty ones, the layer itself when nothing is in it."""
    with suppress(OSError):
        (work_of(layer) / "work").chmod(0o700)  # the kernel makes it without any right
    shutil.rmtree(work_of(layer), ignore_errors=True)
    for path in (*reversed(list(everything(layer))), layer, layer.parent):
        with suppress(OSError):
            path.rmdir()  # fails unless it is an empty folder


def given(lower: Path) -> Iterator[Path]:
    """The files of the data, which may be one."""
    return files(lower) if lower.is_dir() else iter([lower])


def files(folder: Path) -> Iterator[Path]:
    """Whatever is no folder."""
    return (path for path in everything(folder) if path.is_symlink() or not path.is_dir())


def everything(folder: Path) -> Iterator[Path]:
    """What lies below, sorted, folders before what is in them. No symbolic link is followed."""
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        yield from (Path(root, name) for name in sorted({*folders, *links, *names}))
