"""What a source holds, as far as it is wanted and has a place in a folder of this machine."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice

from localdlc.errors import InputError
from localdlc.plan.model import Fetch
from localdlc.stage.sample import Choice, Globs
from localdlc.stage.sources import Entry, Source

__all__ = ["Listing", "arranged", "read_listing"]

LONGEST_NAME = 255
LONGEST_PATH = 3500
# How many neighbours are looked at for the one that was probably meant.
NEIGHBOURS = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """The files to have, and the folders that would be empty without a word of their own.

    ``single``: the source is one file. ``left_out`` are names that no folder can hold. ``part``:
    it is a sample, and there is more.
    """

    files: tuple[Entry, ...]
    folders: tuple[str, ...] = ()
    single: bool = False
    left_out: tuple[str, ...] = ()
    part: bool = False

    @property
    def bytes(self) -> int:
        return sum(entry.size or 0 for entry in self.files)


def read_listing(source: Source, fetch: Fetch, told: Callable[[int, int], None]) -> Listing:
    """Lists a source; ``told`` hears of files and bytes so far. Raises `InputError` for nothing."""
    globs = Globs.of(fetch.include, fetch.exclude)
    folder_only = fetch.property == "DIRECTORY" or fetch.uri.endswith("/")
    file_only = fetch.property == "FILE"
    if file_only:
        return one_file(source, source.single())
    if source.file_first and not folder_only and (alone := source.single()):
        return one_file(source, alone)
    entries: list[Entry] = []
    size = 0
    chosen = Choice(fetch.sample, source.whole, source.folder, globs)
    for entry in chosen:
        entries.append(entry)
        size += entry.size or 0
        told(len(entries), size)
    if not entries and not folder_only and (alone := source.single()):
        return one_file(source, alone)
    if not entries:
        raise InputError(nothing(source, fetch))
    return replace(arranged(entries), part=not chosen.everything)


def one_file(source: Source, entry: Entry | None) -> Listing:
    if entry is None:
        raise InputError(f"there is no file {source.uri}.{neighbour(source)}")
    return Listing((entry,), single=True)


def arranged(entries: Iterable[Entry]) -> Listing:
    """Splits files from folders and leaves out what has no place in a file system.

    A name with ``..`` would lead out of the folder; a file cannot be a folder, too.
    """
    files: list[Entry] = []
    folders: set[str] = set()
    parents: set[str] = set()
    left_out: list[str] = []
    for entry in entries:
        path = entry.path.removesuffix("/")
        if not placeable(path):
            left_out.append(entry.path)
            continue
        if entry.path.endswith("/"):
            folders.add(path)
        else:
            files.append(entry)
        note_parents(path, parents)
    taken = parents | folders
    left_out += [entry.path for entry in files if entry.path in taken]
    kept = tuple(entry for entry in files if entry.path not in taken)
    return Listing(kept, tuple(sorted(folders - parents)), left_out=tuple(left_out))


def note_parents(path: str, parents: set[str]) -> None:
    while (path := path.rpartition("/")[0]) and path not in parents:
        parents.add(path)


def placeable(path: str) -> bool:
    """Whether a file system can have it: no empty name, ``.`` or ``..``, no NUL, none too long."""
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return False
    names = raw.split(b"/")
    odd = b"\0" in raw or len(raw) > LONGEST_PATH or any(n in (b"", b".", b"..") for n in names)
    return not odd and max(map(len, names)) <= LONGEST_NAME


def nothing(source: Source, fetch: Fetch) -> str:
    if fetch.sample and fetch.sample.bytes is not None:
        return (
            f"{source.uri} has no file that fits into a sample of {fetch.sample}. Ask for a larger "
            "one, or for a number of files."
        )
    if fetch.include or fetch.exclude:
        return f"{source.uri} has nothing that fits its include and exclude globs."
    return f"there is nothing at {source.uri}.{neighbour(source)}"


def neighbour(source: Source) -> str:
    """The folder or file beside it that was probably meant."""
    names = list(islice(source.beside(), NEIGHBOURS))
    wanted = source.uri.rstrip("/").rpartition("/")[2]
    close = difflib.get_close_matches(wanted, names, 1)
    return f" Did you mean {close[0]}, which is beside it?" if close else ""
