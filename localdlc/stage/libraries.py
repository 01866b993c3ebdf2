"""Libraries: resolved once by the image's own pip, kept as wheels, installed in an image.

pip installs for real in an errand, because only a real installation takes what the image has into
account with every pip there is (``--report`` came with 22.2). What it added is then asked of it
as wheels, which it has just fetched.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag

from localdlc.errors import InputError
from localdlc.plan.errand import Errand
from localdlc.plan.model import PASTED, Libraries, Mount
from localdlc.record.events import Event, InputStaged, Note, Progress
from localdlc.stage.caches import drop
from localdlc.stage.locks import waited_for
from localdlc.stage.pip_settings import PLACE, PipSettings, pip_settings
from localdlc.stage.ready_image import Errands, MakeReady, ReadyImage
from localdlc.stage.requirements import key, lacking, lines_of, moves
from localdlc.stage.sources import Cancelled
from localdlc.stage.wheels import leave_only_files, link, open_to_all, publish

__all__ = ["Errands", "LibrariesTask", "Surroundings"]

SUBJECT = "libraries"
WORK = "/run/localdlc/work"
ERROR = "ERROR: "
AGAIN = "After `localdlc cache rm {}` the next job tries once more."
# A file that is in the folder when the image has no requirements.txt where the request says.
NO_FILE = "not-found.txt"

# $1 is the requirements.txt in the container, $2 who is to own what is written.
RESOLVE = f"""\
set -e
trap 'chown -R "$2" {WORK} 2>/dev/null || :' EXIT
. {PLACE}/environment
command -v pip >/dev/null || {{ echo "{ERROR}the image has no pip"; exit 127; }}
pip freeze --all > {WORK}/before.txt
[ ! -s {PLACE}/libraries.txt ] || pip install --no-compile -r {PLACE}/libraries.txt
if [ -f "$1" ]; then pip install --no-compile -r "$1"; else : > {WORK}/{NO_FILE}; fi
pip freeze --all > {WORK}/after.txt
grep -vxFf {WORK}/before.txt {WORK}/after.txt > {WORK}/added.txt || :
[ ! -s {WORK}/added.txt ] || pip wheel --no-deps --wheel-dir {WORK} -r {WORK}/added.txt
rm -f {WORK}/before.txt {WORK}/after.txt {WORK}/added.txt
"""
TOLD = {
    # What it fetches to install it gives again as wheels, if it can keep it in between. (Not what
    # comes by plain http: pip keeps nothing of that.)
    "PIP_CACHE_DIR": "/tmp/localdlc-pip",  # noqa: S108 - of the container
    "PIP_PROGRESS_BAR": "off",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}


@dataclass(frozen=True)
class Surroundings:
    """What a task needs of the job around it.

    ``cache`` is the folder of all wheels; ``image_id`` tells the id of an image that is there,
    ``reference`` what a ready one is called; ``learn`` hears what must not be shown from now on.
    """

    cache: Path
    offline: bool
    environment: Mapping[str, str]
    errands: Errands
    image_id: Callable[[str], str | None]
    reference: Callable[[str], str]
    learn: Callable[[Iterable[str]], None]

    def settings(self) -> PipSettings:
        """How pip is set up here. From now on its secrets are masked."""
        settings = pip_settings(self.environment)
        self.learn(settings.secrets())
        return settings


class LibrariesTask:
    """Brings one image's libraries to where its replicas will see them."""

    def __init__(self, number: int, libraries: Libraries, around: Surroundings) -> None:
        """``number`` tells the tasks of a job apart."""
        self._number = number
        self._name = f"libraries-{number}"
        self._libraries = libraries
        self._around = around
        self._folder = Path(libraries.folder)
        self._seen = self._folder.with_name(f"{self._folder.name}.ready")
        self._told = self._folder.with_name(f"{self._folder.name}.pip")
        self._left = Flag()
        self._ready: ReadyImage | None = None
        # Of a library that is a folder, for which nobody but this job has a use.
        self.own_image = ""

    def ready_for(self, mounts: tuple[Mount, ...]) -> ReadyImage | None:
        """Where a replica with ``mounts`` may begin instead of installing them itself."""
        ready = self._ready
        mine = any(mount.source == str(self._folder) for mount in mounts)
        return ready if mine and ready and not ready.missing and ready.shows(mounts) else None

    def __call__(self, post: Callable[[Event], None]) -> None:
        """Posts `InputStaged`; raises `InputError` with pip's words, or what offline is missing."""
        began = time.monotonic()
        libraries = self._libraries
        wanted, listed = lines_of(libraries)
        self._around.learn(pasted([*wanted, *listed]))
        try:
            cached = self._bring(wanted, listed, post)
        except Cancelled:
            return
        wheels = sorted(self._folder.glob("*.whl"))
        post(
            InputStaged(
                kind="libs",
                uri=", ".join(brief(wanted, libraries.listed)),
                bytes=sum(wheel.stat().st_size for wheel in wheels),
                files=len(wheels),
                seconds=round(time.monotonic() - began, 3),
                cached=cached,
                detail=self._described(wheels),
            )
        )

    def _bring(self, wanted: list[str], listed: list[str], post: Callable[[Event], None]) -> bool:
        """Fills the job's folder; whether all of it was in the cache."""
        lines = [*wanted, *listed]
        if not lines:
            publish(self._folder, [])
            return True
        if moves(lines):
            self._refuse_offline(lines, "what is a folder is built anew for each job")
            self._resolve(self._folder, post)
            self._make_own(post)
            return False
        image = self._libraries.image
        name = key(self._around.image_id(image) or image, self._libraries, wanted, listed)
        kept = self._around.cache / name / "wheels"
        cached = kept.is_dir()
        if not cached:
            them = "it is" if len(lines) == 1 else "they are"
            self._refuse_offline(lines, f"{them} not in the cache")
        ready = ReadyImage(self._around.reference(name), kept.with_name("ready"))
        if not (cached and self._stands(ready, kept)):
            self._keep(kept, ready, lines, post)
        link(kept, self._folder)
        if ready.folder.is_dir():
            self._ready = ready.linked(self._seen)
            self._tell_missing(self._ready, name, post)
        return cached

    def _stands(self, ready: ReadyImage, wheels: Path) -> bool:
        """Whether nothing is to be done for it. The engine's images are cleaned by others, too."""
        if ready.folder.is_dir():
            return bool(ready.missing or self._around.image_id(ready.image))
        return not any(wheels.glob("*.whl"))

    def _tell_missing(self, ready: ReadyImage, key: str, post: Callable[[Event], None]) -> None:
        if why := ready.missing:
            post(Note(f"each replica installs its libraries itself: {why}. {AGAIN.format(key)}"))

    def _described(self, wheels: list[Path]) -> str:
        libraries = self._libraries
        missing = lacking(libraries, unseen=(self._folder / NO_FILE).exists())
        told = [" ".join("-".join(wheel.name.split("-")[:2]) for wheel in wheels)]
        if not wheels and (libraries.wanted or not missing):
            told = [f"{libraries.image} has all of them"]
        told += [f"there is no {libraries.listed}"] if missing else []
        return "; ".join(filter(None, told))

    def leave(self) -> None:
        """After the job: the links go, the cache stays."""
        self._left.set()
        shutil.rmtree(self._folder.parent, ignore_errors=True)

    def _refuse_offline(self, lines: list[str], why: str) -> None:
        if self._around.offline:
            raise InputError(
                f"offline: {', '.join(lines)} cannot be installed in {self._libraries.image}: "
                f"{why}. Run the job once without --offline."
            )

    def _keep(
        self, kept: Path, ready: ReadyImage, lines: list[str], post: Callable[[Event], None]
    ) -> None:
        """Resolves into the cache and makes the image, unless another job has done so meanwhile."""
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

        def waiting(holder: str) -> None:
            post(Progress(SUBJECT, f"{holder} is bringing them"))

        holder = f"job {self._folder.parents[1].name}"
        with waited_for(kept.parent / "lock", holder, waiting, self._left):
            try:
                if not kept.is_dir():
                    incoming = kept.with_name("incoming")
                    self._resolve(incoming, post)
                    incoming.rename(kept)
                if not self._stands(ready, kept):
                    self._make_ready(kept, ready, post)
            finally:
                if not kept.is_dir():
                    drop(kept.parent)

    def _make_own(self, post: Callable[[Event], None]) -> None:
        """Of wheels that the next job builds anew: its image goes with this one."""
        if not any(self._folder.glob("*.whl")):
            return
        self.own_image = self._around.reference(f"{self._folder.parents[1].name}-{self._number}")
        self._ready = ReadyImage(self.own_image, self._seen)
        self._make_ready(self._folder, self._ready, post)

    def _make_ready(self, wheels: Path, ready: ReadyImage, post: Callable[[Event], None]) -> None:
        libraries = self._libraries
        make = MakeReady(
            self._around.errands, f"{self._name}-ready", libraries.image, self._told, libraries.env
        )
        make(wheels, ready, lambda line: post(Progress(SUBJECT, line)))

    def _resolve(self, folder: Path, post: Callable[[Event], None]) -> None:
        """Fills ``folder`` with wheels and the two lists that replicas read."""
        libraries, settings = self._libraries, self._around.settings()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # whoever the image's user is; the folder above is ours alone
        shutil.rmtree(self._told, ignore_errors=True)
        self._told.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            post(Progress(SUBJECT, line))

        try:
            settings.write(self._told)
            wanted = "".join(f"{requirement}\n" for requirement in libraries.wanted)
            (self._told / "libraries.txt").write_text(wanted)
            open_to_all(self._told)
            end = self._around.errands.run(self._errand(settings, folder), on_line)
        finally:
            shutil.rmtree(self._told, ignore_errors=True)
            folder.chmod(0o755)
        if end.code:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError(failed(libraries, lines, end.code))
        leave_only_files(folder)
        publish(folder, lines)

    def _errand(self, settings: PipSettings, folder: Path) -> Errand:
        libraries = self._libraries
        own = (
            Mount(str(self._told), PLACE, read_only=True),
            Mount(str(folder), WORK, read_only=False),
            *(as_it_is(mount) for mount in libraries.mounts),
        )
        taken = {mount.target for mount in own}
        more = tuple(mount for mount in settings.mounts() if mount.target not in taken)
        owner = f"{os.geteuid()}:{os.getegid()}"
        return Errand(
            name=self._name,
            image=libraries.image,
            command=("/bin/sh", "-c", RESOLVE, "sh", libraries.listed, owner),
            env={**TOLD, **settings.environment(), **libraries.env},
            mounts=(*own, *more),
            network="host",
        )


def as_it_is(mount: Mount) -> Mount:
    """Without a layer, which is for replicas: what is below it must not change."""
    return replace(mount, read_only=True, layer="") if mount.layer else mount


def pasted(lines: list[str]) -> set[str]:
    """Passwords and tokens in URLs of requirements."""
    return {secret for line in lines for secret in PASTED.findall(line)}


def failed(libraries: Libraries, lines: list[str], code: int) -> str:
    """The errors that pip told, or else its last lines."""
    told = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    words = "\n".join(told or lines[-5:]) or f"pip ended with {code}"
    asked = ", ".join(brief(list(libraries.wanted), libraries.listed))
    return f"{asked} cannot be installed in {libraries.image}: {words}"


def brief(wanted: list[str], listed: str) -> list[str]:
    return [*wanted, *([listed] if listed else [])]
