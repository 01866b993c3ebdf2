"""What a job wrote over fetched data goes back to where the data came from, with a word before.

After the job, or by a command of its own when that failed; never what a job deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localdlc.config import Config
from localdlc.errors import InputError, NotFound
from localdlc.record.events import Event, Note
from localdlc.stage.layer import Written, contents
from localdlc.stage.meter import amount, counted, some
from localdlc.stage.write_back import destination, is_plain, write_back

__all__ = ["Upload", "summary", "uploads"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One layer and where it goes; with ``single`` the source is a file."""

    layer: Path
    written: Written
    uri: str
    single: bool

    def __call__(self, job_id: str, config: Config, emit: Callable[[Event], None]) -> None:
        """Says what goes where before it goes, and what has arrived. May raise `InputError`."""
        sent, left_out = divided(self.layer, self.written)
        rest = f"; left out, as no plain files: {some(left_out)}" if left_out else ""
        told = f"writing back {summary(sent)} to {self.uri}; nothing is deleted there{rest}"
        emit(Note(told))
        try:
            to = destination(self.uri, config, single=self.single)
            count = write_back(self.layer, sent, to, emit)
        except InputError as error:
            again = f"`localdlc write-back {job_id}` tries again."
            raise InputError(f"{error} {again}", error.problems) from error
        emit(Note(f"written back to {self.uri}: {counted(count)}"))


def divided(layer: Path, written: Written) -> tuple[Written, list[str]]:
    """The files that go, and the names of what stays, such as links."""
    sent = tuple(file for file in written.files if is_plain(layer / file[0]))
    return Written(sent), sorted(dict(written.files).keys() - dict(sent).keys())


def uploads(job_id: str, plan: Mapping[str, Any]) -> list[Upload]:
    """What a job, whose stored plan this is, has left. Raises `NotFound` where there is nothing."""
    if found := list(left(plan)):
        return found
    raise NotFound(f"{job_id} has written nothing over fetched data, or it was removed since.")


def left(plan: Mapping[str, Any]) -> Iterator[Upload]:
    uris = {brought["target"]: brought["uri"] for brought in plan["inputs"]}
    layers = {
        m["layer"]: uris[m["target"]]
        for r in plan["replicas"]
        for m in r["mounts"]
        if m.get("layer")
    }
    for layer, uri in layers.items():
        written = contents(Path(layer))
        # A file's layer holds nothing else; its Uri ends with its name.
        single = [name for name, _ in written.files] == [uri.rpartition("/")[2]]
        if written.files:
            yield Upload(Path(layer), written, uri, single)


def summary(written: Written) -> str:
    return f"{counted(len(written.files))} ({amount(written.bytes)})"
