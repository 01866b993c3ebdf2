"""What a container's root wrote into a user's folders becomes the user's, when the job has ended.

It takes a container to do so: nobody else may give files away. What was somebody else's before the
job stays so, and where localdlc itself runs as root there is nothing to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from localdlc.errors import EngineUnavailable
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount, Plan
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.stage.owners import Identity, foreign, owned_by, to_hand_over

__all__ = ["Handover", "writable"]

# Bytes of paths in one command line; the kernel takes 2 MiB with all that belongs to it.
MOST = 1 << 20
# As numbers that mean the same on both sides, whatever the engine makes of users: those of the
# folder itself. A symbolic link is given away, not what it points to.
GIVE = 'cd /folder && owner=$(stat -c %u:%g .) && exec chown "$0" "$owner" "$@"'


class Handover:
    """The folders of this machine that one job may write to, and whose they are."""

    def __init__(self, image: str, folders: Sequence[Path], errands: Errands, user: int) -> None:
        """``user`` is who runs localdlc, ``image`` one that is there when the job has ended."""
        self._image = image
        self._errands = errands
        self._user = user
        self._numbers = count(1)
        self._folders = folders
        self._before: dict[Path, frozenset[Identity]] = {}

    def look(self, post: Post) -> None:
        """Before the job: what is somebody else's already."""
        if self._user:
            mine = [folder for folder in self._folders if owned_by(folder, self._user)]
            self._before = {folder: foreign(folder, self._user) for folder in mine}

    def __call__(self, new: Iterable[Path] = ()) -> list[str]:
        """After the job, also in ``new`` folders; a sentence for each folder in which it failed."""
        folders = (*self._folders, *new) if self._user else ()
        mine = [folder for folder in folders if owned_by(folder, self._user)]
        return [told for told in map(self._hand_over, mine) if told]

    def _hand_over(self, folder: Path) -> str | None:
        due = to_hand_over(folder, self._user, self._before.get(folder, frozenset()))
        closed = [path for path in due if is_closed(folder / path)]
        rest = [path for path in due if path not in set(closed)]
        words: list[str] = []
        try:
            for flags, paths in (("-hR", closed), ("-h", rest)):
                for some in portions(paths):
                    errand = self._errand(folder, flags, some)
                    if self._errands.run(errand, words.append).code:
                        raise EngineUnavailable(" ".join(words[-1:]))
        except EngineUnavailable as error:
            return (
                f"what the job wrote in {folder} still belongs to another user: {error}. "
                f"`sudo chown -R {self._user} {folder}` gives it to you."
            )
        return None

    def _errand(self, folder: Path, flags: str, paths: list[str]) -> Errand:
        return Errand(
            f"owners-{next(self._numbers)}",
            self._image,
            ("/bin/sh", "-c", GIVE, flags, *paths),
            mounts=(Mount(str(folder), "/folder", False),),
            user="0",
        )


def writable(plan: Plan) -> Iterator[Path]:
    """Folders that are mounted as they are; layers are the job's own."""
    for replica in plan.replicas:
        for mount in replica.mounts:
            if not mount.read_only and not mount.layer:
                yield Path(mount.source)


def is_closed(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not os.access(path, os.R_OK | os.X_OK)


def portions(paths: Iterable[Path]) -> Iterator[list[str]]:
    """As arguments, in command lines that are short enough."""
    some: list[str] = []
    size = 0
    for path in paths:
        argument = f"./{path}"
        if some and size + len(os.fsencode(argument)) > MOST:
            yield some
            some, size = [], 0
        some.append(argument)
        size += len(os.fsencode(argument)) + 9  # its end, and a pointer to it
    if some:
        yield some
