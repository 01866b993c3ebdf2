"""What a job wrote goes to the store that its data came from. Deletions never do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.errors import InputError
from localdlc.plan.oss_uri import oss_place
from localdlc.record.events import Event, Progress
from localdlc.stage.layer import Written
from localdlc.stage.meter import counted

if TYPE_CHECKING:
    from localdlc.config import Config

__all__ = ["Destination", "destination", "is_plain", "write_back"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A file system of fsspec's and a path in it; whether it has ``folders``, which must be made.

    With ``single`` the path is that of a file.
    """

    uri: str
    filesystem: Any
    path: str
    folders: bool = True
    single: bool = False

    def of(self, name: str) -> str:
        return self.path if self.single else f"{self.path.rstrip('/')}/{name}"

    def put(self, source: Path, name: str) -> None:
        """Uploads one file, and looks at what arrived."""
        target, size = self.of(name), source.stat().st_size
        if self.folders:
            self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.filesystem.put_file(str(source), target)
        self.filesystem.invalidate_cache()
        arrived = self.filesystem.info(target)["size"]
        if arrived != size:
            raise OSError(f"{arrived:,} of its {size:,} bytes arrived")


def destination(
    uri: str, config: Config, *, single: bool, environment: Mapping[str, str] = os.environ
) -> Destination:
    """Where a source can be written. Raises `InputError` without keys or for an unknown scheme."""
    if uri.startswith("oss://"):
        from localdlc.stage.oss import Oss, endpoint_of, key_ring

        place, ring = oss_place(uri), key_ring(config, environment)
        endpoint = endpoint_of(place, config, environment)
        filesystem = Oss(endpoint.url, ring)
        path = f"{place.bucket}/{place.path}"
        return Destination(uri, filesystem, path, folders=False, single=single)
    from localdlc.stage.filesystem import reached

    return Destination(uri, *reached(uri), single=single)


def write_back(
    layer: Path, written: Written, to: Destination, post: Callable[[Event], None]
) -> int:
    """Uploads the plain files of a layer; returns how many.

    Raises `InputError` at the first that fails. Done again, it uploads all once more: the end is
    the same.
    """
    names = [name for name, _ in written.files if is_plain(layer / name)]
    for done, name in enumerate(names):
        post(Progress(to.uri, f"writing back {name} ({done + 1} of {len(names)})"))
        try:
            to.put(layer / name, name)
        except Exception as error:  # each store has errors of its own
            words = str(error) or type(error).__name__
            raise InputError(
                f"{name} could not be written back to {to.uri}: {words.rstrip('.')}. {done} of "
                f"{counted(len(names))} had arrived before; all of them are in {layer}."
            ) from error
    return len(names)


def is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
