"""The cache of fetched data: for each source a folder, in it whole trees, and one on its way.

::

    cache/data/<key>/source             what it is, in words
                     lock               who brings the source up to date
                     incoming/          files so far, and a journal of what is finished
                     tree-<n>/files/    what jobs see; never changed
                              manifest.json
                              users     locked by every job that uses the tree

A tree appears by a rename, so it is whole or not there; the newest has the largest number.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Event

from localdlc.plan.model import Fetch
from localdlc.stage.caches import drop
from localdlc.stage.listing import Listing
from localdlc.stage.locks import Held, alone, shared, waited_for
from localdlc.stage.sources import Entry

__all__ = ["Slot", "Tree", "boot", "held_again", "key_of"]

TREE = re.compile(r"tree-(\d+)")
INCOMING = "incoming"
GONE = "gone"


def key_of(fetch: Fetch) -> str:
    """The folder's name: everything that decides what a tree holds, and nothing else."""
    told = [fetch.uri, fetch.property, fetch.include, fetch.exclude, str(fetch.sample or "")]
    return blake2b(json.dumps(told).encode(), digest_size=12).hexdigest()


def boot() -> str:
    """A name of the time since this machine was started; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True)
class Tree:
    """A whole copy of a source."""

    folder: Path
    listing: Listing

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def mounted(self) -> Path:
        """What a job sees: the folder, or the one file."""
        return self.files / self.listing.files[0].path if self.listing.single else self.files

    def hold(self) -> Held:
        """Keeps the tree where it is for as long as this process lives."""
        return shared(self.folder / "users")

    @property
    def used(self) -> bool:
        held = alone(self.folder / "users")
        if held:
            held.let_go()
        return held is None


def held_again(links: Path) -> list[Held]:
    """The trees that a job's links lead to, whose holder was killed."""
    places = [link.resolve() for link in links.glob("*") if link.is_symlink()]
    trees = {p for place in places for p in (place, *place.parents) if p.name.startswith("tree-")}
    return [shared(tree / "users") for tree in sorted(trees)]


class Slot:
    """The folder of one source in the cache. Call anything but `locked` under its lock."""

    def __init__(self, cache: Path, fetch: Fetch) -> None:
        self.folder = cache / key_of(fetch)
        self.incoming = self.folder / INCOMING

    @contextmanager
    def locked(
        self, holder: str, source: str, waiting: Callable[[str], None], cancelled: Event
    ) -> Iterator[None]:
        """Alone at work here; ``source`` is what `cache list` will show."""
        # What a store shows to nobody else, this machine does not, either.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with waited_for(self.folder / "lock", holder, waiting, cancelled):
            (self.folder / "source").write_text(source)
            try:
                yield
            finally:
                if not (self.trees() or self._begun()):
                    drop(self.folder)

    def _begun(self) -> bool:
        """Whether the next try finds anything that it need not fetch again."""
        found = (self.incoming / "files").rglob("*")
        return any(path.is_file() and path.stat().st_size for path in found)

    def newest(self) -> Tree | None:
        """The newest tree whose files are all there.

        After the machine went down they may not be: the kernel had not written all of them.
        """
        for folder in reversed(self.trees()):
            if tree := whole(folder):
                return tree
            self.discard(folder)
        return None

    def trees(self) -> list[Path]:
        """Oldest first."""
        found = {int(m[1]): p for p in folders(self.folder) if (m := TREE.fullmatch(p.name))}
        return [found[number] for number in sorted(found)]

    def publish(self, listing: Listing) -> Tree:
        """Makes what has come in a tree."""
        (self.incoming / "journal").unlink(missing_ok=True)
        write_manifest(self.incoming, listing)
        number = max((int(p.name.partition("-")[2]) for p in self.trees()), default=0) + 1
        return Tree(self.incoming.rename(self.folder / f"tree-{number}"), listing)

    def discard_others(self, tree: Tree) -> None:
        """Removes what is old and unused, and what somebody was killed while removing."""
        for folder in self.trees():
            if folder != tree.folder and not Tree(folder, tree.listing).used:
                self.discard(folder)
        for folder in folders(self.folder):
            if folder.name.startswith(GONE):
                shutil.rmtree(folder, ignore_errors=True)

    def discard(self, folder: Path) -> None:
        """Renamed first: half a tree is no tree."""
        shutil.rmtree(folder.rename(folder.with_name(f"{GONE}-{folder.name}")), ignore_errors=True)


def folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def whole(folder: Path) -> Tree | None:
    """The tree in a folder; None if the machine went down before all of it was written."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        tree = Tree(folder, listing_from(manifest))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if manifest["boot"] != boot():
        if not all(intact(tree.files / e.path, e.size) for e in tree.listing.files):
            return None
        write_manifest(folder, tree.listing)
    return tree


def intact(path: Path, size: int | None) -> bool:
    try:
        return size is None or path.stat().st_size == size
    except OSError:
        return False


def write_manifest(folder: Path, listing: Listing) -> None:
    """As a whole or not at all."""
    told = {
        "boot": boot(),
        "files": listing.files,
        "folders": listing.folders,
        "single": listing.single,
        "left_out": listing.left_out,
        "part": listing.part,
    }
    new = folder / "manifest.new"
    new.write_text(json.dumps(told, separators=(",", ":")))
    new.rename(folder / "manifest.json")


def listing_from(manifest: dict[str, object]) -> Listing:
    told: dict[str, list[list[object]]] = manifest  # type: ignore[assignment]
    return Listing(
        tuple(Entry(*entry) for entry in told["files"]),  # type: ignore[arg-type]
        tuple(map(str, told["folders"])),
        bool(manifest["single"]),
        tuple(map(str, told["left_out"])),
        bool(manifest["part"]),
    )


def room_at(folder: Path) -> tuple[int, int]:
    """Free bytes, and the size of a block."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize, state.f_frsize
