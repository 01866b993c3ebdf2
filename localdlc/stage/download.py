"""Fetching the files of a listing into a folder: side by side, in pieces, verified, resumable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import NamedTuple

from localdlc.errors import InputError
from localdlc.stage.cache import Tree, room_at
from localdlc.stage.crc64 import crc64
from localdlc.stage.journal import Journal
from localdlc.stage.listing import Listing
from localdlc.stage.meter import Meter, amount
from localdlc.stage.sources import PAUSES, Broken, Cancelled, Entry, Source, given_up

__all__ = ["PARALLEL", "Download", "Incoming", "Size"]

PARALLEL = 16
# Files above this come in pieces of this size.
PIECE = 16 << 20
# A killed process loses less than one of so many parts of each piece: pieces come side by side, and
# over a slow line all of them would be lost at once.
PARTS = 16
# So often a file is fetched anew whose content is not what its checksum says.
TRIES = 3


class Piece(NamedTuple):
    """A stretch of a file. ``end`` None is its end: the file comes whole."""

    entry: Entry
    start: int = 0
    end: int | None = None


class Size(NamedTuple):
    """Files and bytes."""

    files: int
    bytes: int


class Incoming:
    """The folder of a download, and what of it is finished."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files = folder / "files"
        self.journal = Journal(folder / "journal")

    def arrange(self, listing: Listing, former: Tree | None) -> list[Entry]:
        """Makes the folders, links what an older tree has already; returns what is missing."""
        known = set(former.listing.files) if former else set()
        missing = [e for e in listing.files if not self.has(e)]
        finished = {e.path for e in listing.files} - {e.path for e in missing}
        begun = {e.path for e in missing if self.journal.starts(e)}
        self._clear(finished | begun)
        for folder in {e.path.rpartition("/")[0] for e in listing.files} | {*listing.folders}:
            (self.files / folder).mkdir(parents=True, exist_ok=True)
        for place, _, _ in os.walk(self.files):  # a container's user may be anybody
            Path(place).chmod(0o755)
        return [e for e in missing if not (former and e in known and self._linked(former, e))]

    def _linked(self, former: Tree, entry: Entry) -> bool:
        """Whether another content would have another entry, and the disk knows hard links."""
        if not entry.version:
            return False
        with suppress(OSError):
            os.link(former.files / entry.path, self.files / entry.path)
            return True
        return False

    def has(self, entry: Entry) -> bool:
        if not self.journal.has(entry):
            return False
        with suppress(OSError):
            found = (self.files / entry.path).stat().st_size
            return entry.size is None or found == entry.size
        return False

    def _clear(self, kept: set[str]) -> None:
        """Removes what earlier tries have left and nobody wants."""
        if not kept:
            shutil.rmtree(self.files, ignore_errors=True)
        for root, _, names in os.walk(self.files, topdown=False):
            for name in names:
                path = Path(root, name)
                if str(path.relative_to(self.files)) not in kept:
                    path.unlink()
            with suppress(OSError):  # not empty
                Path(root).rmdir()
        self.files.mkdir(exist_ok=True)


class Download:
    """Brings entries of a source into a folder, on threads of its own."""

    def __init__(
        self, source: Source, incoming: Incoming, meter: Meter, parallel: int, cancelled: Event
    ) -> None:
        self._source = source
        self._folder = os.fspath(incoming.files)
        self._journal = incoming.journal
        self._meter = meter
        self._parallel = parallel
        self._cancelled = cancelled
        self._lock = Lock()
        self._open: dict[str, int] = {}
        self._error: BaseException | None = None

    def run(self, entries: list[Entry]) -> None:
        """Raises `Changed`, `Cancelled`, `InputError`, or what the disk says; what is finished by
        then stays so.
        """
        self._refuse_without_room(entries)
        pieces = [piece for entry in entries for piece in self._pieces(entry)]
        missing = Size(len(entries), sum(left(piece) for piece in pieces))
        self._meter.expect(missing.bytes, missing.files)
        for piece in pieces:
            self._open[piece.entry.path] = self._open.get(piece.entry.path, 0) + 1
        # The large ones first, so that none of them is left alone at the end.
        queue = iter(sorted(pieces, key=lambda piece: -(piece.entry.size or 0)))
        threads = [
            Thread(target=self._work, args=(queue,), name=f"localdlc-fetch-{n}", daemon=True)
            for n in range(min(self._parallel, len(pieces)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._error:
            raise self._error

    def _refuse_without_room(self, entries: Iterable[Entry]) -> None:
        """Nothing is begun that cannot end for want of disk."""
        free, block = room_at(Path(self._folder))
        pieces = (piece for entry in entries for piece in self._pieces(entry))
        needed = sum(-(-left(piece) // block) * block for piece in pieces)
        if needed > free:
            raise InputError(
                f"{self._source.uri} needs {amount(needed)} and the disk of {self._folder} has "
                f"{amount(free)}: {amount(needed - free)} are missing. Make room (`localdlc cache "
                "rm`), choose another --home, or take a part with --sample 1%."
            )

    def _pieces(self, entry: Entry) -> Iterator[Piece]:
        if entry.size is None or entry.size <= PIECE or not self._source.divisible(entry):
            yield Piece(entry)
            return
        finished = self._journal.starts(entry)
        starts = [n for n in range(0, entry.size, PIECE // PARTS) if n not in finished]
        # With all its parts there, and killed before it was verified, one more does no harm.
        for start, end in stretches(starts or [0]):
            yield Piece(entry, start, min(end, entry.size))

    def _work(self, queue: Iterator[Piece]) -> None:
        try:
            while not self._error:
                with self._lock:
                    piece = next(queue, None)
                if piece is None:
                    return
                self._bring(piece)
        except BaseException as error:  # noqa: BLE001 - `run` raises it
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error

    def _bring(self, piece: Piece) -> None:
        entry = piece.entry
        whole = piece.end is None
        for _ in range(TRIES):
            crc = self._stream(piece)
            if not whole:
                if not self._last(entry):
                    return
                crc = crc_of(Path(self._folder, entry.path))
            if self._source.crc64(entry) in (None, crc):
                self._journal.file(entry)
                self._meter.add(0, 1)
                return
            piece = Piece(entry)  # once more, as a whole
            whole = True
        raise InputError(
            f"{self._source.uri}: {entry.path} came {TRIES} times and never matched its checksum. "
            "Is something changing the data on its way, such as a proxy?"
        )

    def _last(self, entry: Entry) -> bool:
        with self._lock:
            self._open[entry.path] -= 1
            return not self._open[entry.path]

    def _stream(self, piece: Piece) -> int:
        """Writes a piece to its place, going on after breaks; the CRC-64 of what came."""
        entry, position, end = piece
        crc, crc_after = 0, crc64()
        failures, noted = 0, position
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if end is None else 0)
        handle = os.open(f"{self._folder}/{entry.path}", flags)
        os.fchmod(handle, 0o644)  # whatever the umask
        goal = entry.size if end is None else end
        try:
            while True:
                try:
                    for chunk in self._source.read(entry, position, end):
                        write(handle, chunk, position)
                        position += len(chunk)
                        crc = crc_after(chunk, crc)
                        failures = 0
                        noted = self._note(piece, noted, position)
                        self._meter.add(len(chunk))
                        self._go_on()
                    if goal is None or position == goal:
                        return crc
                    raise Broken(f"{position} bytes came instead of {goal}")
                except Broken as error:
                    if failures == len(PAUSES):
                        raise given_up(f"{self._source.uri}: {entry.path}", error) from error
                    self._cancelled.wait(PAUSES[failures])
                    failures += 1
                    self._go_on()
        finally:
            os.close(handle)

    def _note(self, piece: Piece, noted: int, position: int) -> int:
        """Says in the journal which parts of a piece are there; where the next one begins."""
        if piece.end is None:
            return noted
        part = PIECE // PARTS
        while noted < position and (noted + part <= position or position == piece.end):
            self._journal.part(piece.entry, noted)
            noted += part
        return noted

    def _go_on(self) -> None:
        if self._cancelled.is_set() or self._error:
            raise Cancelled


def stretches(starts: list[int]) -> Iterator[tuple[int, int]]:
    """Parts that are neighbours come as one piece."""
    part = PIECE // PARTS
    begin = end = starts[0]
    for start in starts:
        if start != end or end - begin == part * PARTS:
            yield begin, end
            begin = start
        end = start + part
    yield begin, end


def left(piece: Piece) -> int:
    return (piece.entry.size or 0) if piece.end is None else piece.end - piece.start


def write(handle: int, data: bytes, position: int) -> None:
    """All of it: the last bytes before a full disk are a short write, and no error."""
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, position)
        view = view[written:]
        position += written


def crc_of(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            crc = crc64()(block, crc)
    return crc
