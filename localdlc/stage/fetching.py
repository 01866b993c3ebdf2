"""Data that is fetched: into the cache, once, and from there into every job that wants it."""

from __future__ import annotations

import errno
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING

from localdlc.errors import HomeError, InputError, LocaldlcError
from localdlc.plan.model import Fetch, Input
from localdlc.record.events import InputStaged, Note, Progress
from localdlc.stage.cache import Slot, Tree
from localdlc.stage.download import PARALLEL, Download, Incoming, Size
from localdlc.stage.listing import Listing, read_listing
from localdlc.stage.meter import Meter, amount, counted, some
from localdlc.stage.sources import Cancelled, Changed, Source, open_source
from localdlc.stage.task import Post

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.stage.locks import Held

__all__ = ["FetchTask"]

# Seconds that a cancelled task may take to let go of its folder.
PATIENCE = 3.0


class FetchTask:
    """Brings one data source into the cache, and puts a link to it where the plan says."""

    def __init__(self, source: Input, config: Config, job_id: str) -> None:
        if source.fetch is None:
            raise ValueError(f"{source.uri} is on this machine")
        self._input = source
        self._fetch: Fetch = source.fetch
        self._config = config
        self._job_id = job_id
        self._slot = Slot(config.home / "cache" / "data", source.fetch)
        self._cancelled = Flag()
        self._at_work = Lock()
        self._held: Held | None = None

    def __call__(self, post: Post) -> None:
        """Posts `InputStaged`; raises `InputError` in the words of whoever refused."""
        with self._at_work:
            try:
                self._bring(post)
            except Cancelled:
                return
            except OSError as error:
                raise self._disk(error) from error

    def cancel(self) -> None:
        """Ends a download that is under way, and waits until nobody writes into the cache."""
        self._cancelled.set()
        if self._at_work.acquire(timeout=PATIENCE):
            self._at_work.release()

    def leave(self) -> None:
        """After the job: the link goes, and so does the hold on what it led to."""
        place = Path(self._input.source)
        place.unlink(missing_ok=True)
        with suppress(OSError):  # another source's link is there still, or nothing ever was
            place.parent.rmdir()
        if self._held:
            self._held.let_go()

    def _bring(self, post: Post) -> None:
        began = time.monotonic()
        meter = Meter(lambda text: post(Progress(self._input.uri, text)))
        if self._config.offline and not self._slot.trees():
            raise InputError(
                f"{self._input.uri} is not in the cache, and localdlc is offline. Run the job once "
                f"without --offline, or give it a folder: --map {self._input.uri}=FOLDER."
            )
        holder, source = f"job {self._job_id}", named(self._input.uri, self._fetch)
        waiting = lambda who: self._wait(who, post)  # noqa: E731
        with self._slot.locked(holder, source, waiting, self._cancelled):
            tree, fetched = self._cached() if self._config.offline else self._current(meter)
            self._check()
            self._held = tree.hold()
            self._slot.discard_others(tree)
        link(Path(self._input.source), tree.mounted)
        for note in remarks(self._input.uri, tree.listing):
            post(Note(note))
        post(
            InputStaged(
                kind="data",
                uri=self._input.uri,
                bytes=tree.listing.bytes,
                files=len(tree.listing.files),
                seconds=round(time.monotonic() - began, 3),
                cached=fetched.files == 0,
                detail=detail(tree.listing, fetched, offline=self._config.offline),
                sample=str(self._fetch.sample or ""),
                part=tree.listing.part,
            )
        )

    def _disk(self, error: OSError) -> LocaldlcError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return InputError(
                f"{self._input.uri}: the disk of {self._config.home} is full. What is finished "
                "stays, and the next run goes on from there; make room first (`localdlc cache rm`)."
            )
        return HomeError(f"the cache cannot be written: {error}")

    def _wait(self, who: str, post: Post) -> None:
        post(Progress(self._input.uri, f"waiting for {who}, which brings the same data"))

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _cached(self) -> tuple[Tree, Size]:
        tree = self._slot.newest()
        if tree is None:
            raise InputError(
                f"{self._input.uri}: the machine went down before all of it was on the disk, and "
                "localdlc is offline. Run the job once without --offline."
            )
        return tree, Size(0, 0)

    def _current(self, meter: Meter) -> tuple[Tree, Size]:
        """The tree that is what the source is now, and what had to be fetched for it."""
        with closing(open_source(self._fetch.uri, self._config, self._cancelled)) as source:
            return self._brought_up_to_date(source, meter)

    def _brought_up_to_date(self, source: Source, meter: Meter) -> tuple[Tree, Size]:
        """What changes meanwhile is listed once more."""
        former = self._slot.newest()
        for _ in range(2):
            listing = read_listing(source, self._fetch, meter.listed)
            if former and former.listing == listing and all(e.version for e in listing.files):
                return former, Size(0, 0)
            try:
                return self._fetched(source, listing, former, meter)
            except Changed as error:
                changed = error.path
        raise InputError(
            f"{self._input.uri}: {changed} changed again while it was being fetched. Run the job "
            "when nobody writes there, or exclude it in localdlc.toml."
        )

    def _fetched(
        self, source: Source, listing: Listing, former: Tree | None, meter: Meter
    ) -> tuple[Tree, Size]:
        incoming = Incoming(self._slot.incoming)
        try:
            entries = incoming.arrange(listing, former)
            parallel = self._fetch.parallel or PARALLEL
            Download(source, incoming, meter, parallel, self._cancelled).run(entries)
        finally:
            incoming.journal.close()
        tree = self._slot.publish(listing)
        return tree, Size(len(entries), sum(e.size or 0 for e in entries))


def named(uri: str, fetch: Fetch) -> str:
    return f"{uri} (a sample of {fetch.sample})" if fetch.sample else uri


def link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def detail(listing: Listing, fetched: Size, *, offline: bool) -> str:
    all_files, size = counted(len(listing.files)), amount(listing.bytes)
    if offline:
        return f"{all_files}, {size}, from the cache without a look at the source"
    if not fetched.files:
        return f"{all_files}, {size}, unchanged, nothing fetched"
    if fetched.files == len(listing.files):
        return f"fetched {all_files}, {size}"
    return f"fetched {fetched.files:,} of {all_files} ({amount(fetched.bytes)} of {size})"


def remarks(uri: str, listing: Listing) -> list[str]:
    """What of the source has no place in a folder."""
    if not listing.left_out:
        return []
    names = some([repr(name) for name in listing.left_out])
    return [f"{uri}: no folder can hold {names}; the job does not see them."]
