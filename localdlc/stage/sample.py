"""Which files of a source are wanted: globs, and samples that need no complete listing. Pure.

The same tree gives the same sample. Names are put in the order of a digest, so that neither the
beginning of the alphabet nor the oldest files are all that a job sees.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from math import floor

from localdlc.config.model import Sample
from localdlc.stage.sources import Entry

__all__ = ["Choice", "Globs"]

# A folder is read by so many entries at a time, which is what one answer of a store holds.
PAGE = 1000
# So many files in a row that are larger than the room left, and the sample is full.
MISFITS = 1000

Folder = Callable[[str], Iterator[Entry]]


@dataclass(frozen=True)
class Globs:
    """``include`` and ``exclude``: a glob with ``/`` is from the source down, else any name fits.

    ``*`` stays in a folder, ``**`` does not; what fits a folder fits all that is in it.
    """

    include: re.Pattern[str] | None
    exclude: re.Pattern[str] | None

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> Globs:
        return cls(pattern(include), pattern(exclude))

    def file(self, path: str) -> bool:
        return self.folder(path) and not (self.include and not self.include.match(path))

    def folder(self, path: str) -> bool:
        """Whether anything in it may be wanted."""
        return not (self.exclude and self.exclude.match(path.rstrip("/")))


def pattern(globs: Iterable[str]) -> re.Pattern[str] | None:
    from fsspec.utils import glob_translate

    rooted = [g.strip("/") if "/" in g.rstrip("/") else f"**/{g.strip('/')}" for g in globs]
    texts = [glob_translate(text) for g in rooted for text in (g, f"{g}/**")]
    return re.compile("|".join(texts)) if texts else None


class Choice:
    """The entries that are wanted, once through; without a sample those of folders, too.

    ``everything`` says afterwards whether a sample is known to have left nothing out.
    """

    def __init__(
        self,
        sample: Sample | None,
        whole: Callable[[], Iterator[Entry]],
        folder: Folder,
        globs: Globs,
    ) -> None:
        self.everything = True
        self._sample = sample
        self._whole = whole
        self._folder = folder
        self._globs = globs

    def __iter__(self) -> Iterator[Entry]:
        sample, globs = self._sample, self._globs
        if sample is None:
            for entry in self._whole():
                if (globs.folder if entry.path.endswith("/") else globs.file)(entry.path):
                    yield entry
        elif sample.share is not None:
            files = (e for e in self._whole() if not e.path.endswith("/") and globs.file(e.path))
            self.everything = yield from shared_out(files, sample.share)
        else:
            found = Spread(self._folder, globs)
            took_all = True
            if sample.files is not None:
                yield from islice(found, sample.files)
            else:
                took_all = yield from fitting(iter(found), sample.bytes or 0)
            self.everything = took_all and found.ended


def shared_out(files: Iterator[Entry], share: float) -> Generator[Entry, None, bool]:
    """One of each stretch of the listing; in sum ``share`` of the files, and at least one.

    Returns whether these are all.
    """
    stretch: list[Entry] = []
    taken = count = 0
    for count, entry in enumerate(files, start=1):
        stretch.append(entry)
        # Rounded, as 100 * 0.29 is a little less than 29.
        if floor(round(count * share, 9)) > taken:
            taken += 1
            yield min(stretch, key=digest)
            stretch.clear()
    if stretch and not taken:
        taken = 1
        yield min(stretch, key=digest)
    return taken == count


class Spread:
    """Files, one of each folder in turn; no folder is read further than its turns demand."""

    def __init__(self, folder: Folder, globs: Globs) -> None:
        self._folder = folder
        self._globs = globs
        self._turns = deque([Turn("", folder(""))])

    @property
    def ended(self) -> bool:
        """Whether it is known, without reading on, that there is no more."""
        return not self._turns

    def __iter__(self) -> Iterator[Entry]:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.files:
                turn.read_on(self._globs)
                self._turns.extend(Turn(path, self._folder(path)) for path in turn.found)
            file = turn.files.popleft() if turn.files else None
            if turn.files or turn.more:
                self._turns.append(turn)
            if file:
                yield file


class Turn:
    """A folder that is read a page at a time."""

    def __init__(self, path: str, entries: Iterator[Entry]) -> None:
        self.path = path
        self.files: deque[Entry] = deque()
        self.found: list[str] = []
        self.more = True
        self._entries = entries

    def read_on(self, globs: Globs) -> None:
        page = list(islice(self._entries, PAGE))
        self.more = len(page) == PAGE
        page.sort(key=digest)
        self.files.extend(e for e in page if not e.path.endswith("/") and globs.file(e.path))
        self.found = [e.path for e in page if e.path.endswith("/") and globs.folder(e.path)]


def fitting(files: Iterator[Entry], room: int) -> Generator[Entry, None, bool]:
    """Files as long as there is room for them, in bytes; one that is too large is passed over.

    Returns whether none was.
    """
    misfits = 0
    took_all = True
    for entry in files:
        size = entry.size or 0
        misfits = 0 if size <= room else misfits + 1
        took_all = took_all and size <= room
        if size <= room:
            room -= size
            yield entry
        if not room or misfits == MISFITS:
            break
    return took_all


def digest(entry: Entry) -> bytes:
    return blake2b(entry.path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
