"""What a job's requirements say, read on this machine, so that equal ones are resolved once."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from localdlc.plan.model import Libraries, Mount

__all__ = ["key", "lacking", "lines_of", "moves"]

# Bump it when the content of a cached folder changes its meaning.
FORMAT = 2
NESTED = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]*(.+)")
# A folder or a file of the container: its content may be another one in the next job.
LOCAL = re.compile(r"-e\b|--editable\b|[./~]|file:|[\w.\[\], -]+@ *file:")


def lines_of(libraries: Libraries) -> tuple[list[str], list[str]]:
    """The request's requirements, and the lines of its file with those of the files it names.

    A file that is only in the image is one line, its name: the image's id stands for its content.
    """
    wanted = [line for text in libraries.wanted for line in logical_lines(text)]
    listed = list(read(libraries.listed, libraries.mounts, set())) if libraries.listed else []
    return wanted, listed


def read(path: str, mounts: tuple[Mount, ...], seen: set[str]) -> Iterator[str]:
    """The lines of ``path`` as a container with ``mounts`` sees it; none when it is missing."""
    if path in seen:
        return
    seen.add(path)
    file = on_this_machine(path, mounts)
    if file is None:
        yield f"-r {path}"
        return
    if not file.is_file():
        return
    for line in logical_lines(file.read_text("utf-8-sig", "replace")):
        nested = NESTED.fullmatch(line)
        if nested and "://" not in nested[1]:
            yield line
            yield from read(joined(path, nested[1]), mounts, seen)
        else:
            yield line


def joined(path: str, nested: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), nested.strip("\"'")))


def logical_lines(text: str) -> Iterator[str]:
    """Lines as pip counts them: continued ones joined, without comments and without empty ones."""
    for line in text.replace("\\\n", "").splitlines():
        if bare := re.sub(r"(^|\s+)#.*", "", line).strip():
            yield bare


def on_this_machine(path: str, mounts: tuple[Mount, ...]) -> Path | None:
    """The file behind a path of the container; None when no mount holds it."""
    wanted = PurePosixPath(posixpath.normpath(path))
    for mount in sorted(mounts, key=lambda mount: len(mount.target), reverse=True):
        if wanted.is_relative_to(mount.target):
            return Path(mount.source, wanted.relative_to(mount.target))
    return None


def lacking(libraries: Libraries, *, unseen: bool) -> bool:
    """Whether the request's file is missing; ``unseen``: pip has not found it in the image."""
    file = on_this_machine(libraries.listed, libraries.mounts)
    return bool(libraries.listed) and (unseen if file is None else not file.is_file())


def moves(lines: list[str]) -> bool:
    """Whether any requirement is a folder or file of the container, which may change unseen."""
    return any(LOCAL.match(line) for line in lines)


def key(image_id: str, libraries: Libraries, wanted: list[str], listed: list[str]) -> str:
    """The name in the cache: equal for equal requirements in any order and spelling.

    pip's variables count, too: they say which versions may be chosen.
    """
    told = [normalised(lines) for lines in (wanted, listed)]
    material = [
        FORMAT,
        image_id,
        told,
        libraries.listed if listed else "",
        sorted(libraries.env.items()),
    ]
    return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:16]


def normalised(lines: list[str]) -> list[str]:
    return sorted({spelled(line) for line in lines})


def spelled(line: str) -> str:
    """``Foo_Bar == 1.0`` as ``foo-bar==1.0``; options and URLs as they are."""
    if line.startswith("-") or "://" in line:
        return line
    name, rest = re.match(r"([\w.-]*)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    return re.sub(r"[-_.]+", "-", name).lower() + re.sub(r"\s+", "", rest)
