"""Ready images: those in which libraries are installed already, one layer over what was asked.

In a container with nothing else pip installs the wheels for real, and what it has written becomes
an image. Replicas that begin there share the layer, write over it as they please, and pip knows
what it has installed. (A tree that is mounted cannot be uninstalled, one that is copied into every
replica costs as much as it is large.)
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from localdlc.errors import ImageError
from localdlc.plan.errand import Errand
from localdlc.plan.libraries import WHEELS
from localdlc.plan.model import Mount
from localdlc.stage.wheels import link, open_to_all

__all__ = ["IMAGES", "Ended", "Errands", "MakeReady", "ReadyImage", "reference"]

IMAGES = "localdlc/libraries"
# What pip says of each wheel that it is given, and where this one says that it is.
PROCESSING = "Processing "
IN = "localdlc: in "
PLACES = "places.txt"
WHY = "why-not.txt"

INSTALL = f"""\
. {WHEELS}/environment
pip install --no-index --no-deps --no-compile -r {WHEELS}/install.txt || exit $?
pip show "$@" | sed -n 's/^Location: /{IN}/p'
"""
# The image is to hold what pip installs and nothing that it keeps for itself.
VARIABLES = {
    "PIP_NO_CACHE_DIR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Ended(Protocol):
    """How an errand ended."""

    @property
    def code(self) -> int: ...


class Errands(Protocol):
    """Who runs errands."""

    def run(self, errand: Errand, on_line: Callable[[str], None]) -> Ended: ...


def reference(home: str, key: str) -> str:
    """The image's name. Two homes may have resolved the same requirements differently."""
    return f"{IMAGES}:{home}-{key}"


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """An image by its name, and the ``folder`` that replicas in it see instead of the wheels.

    The folder is made last. It is also there when the image could not be made, and says why.
    """

    image: str
    folder: Path

    @property
    def missing(self) -> str:
        """Why there is none; "" when there is one."""
        return (self.folder / WHY).read_text()

    def linked(self, folder: Path) -> ReadyImage:
        """The same for a job, whose replicas see ``folder``."""
        link(self.folder, folder)
        return replace(self, folder=folder)

    def shows(self, mounts: tuple[Mount, ...]) -> bool:
        """Whether a replica with ``mounts`` sees what is installed: not where one lies over it."""
        places = (self.folder / PLACES).read_text().splitlines()
        targets = [mount.target for mount in mounts]
        return bool(places) and not any(
            PurePosixPath(place).is_relative_to(target) for place in places for target in targets
        )


@dataclass(frozen=True, slots=True)
class MakeReady:
    """Makes a ready image of ``image``, in an errand that is called ``name``.

    ``told`` is a folder to make for as long as that takes; ``env`` is what steers pip.
    """

    errands: Errands
    name: str
    image: str
    told: Path
    env: Mapping[str, str]

    def __call__(self, wheels: Path, ready: ReadyImage, on_line: Callable[[str], None]) -> None:
        """From a folder of wheels. Raises `EngineUnavailable`."""
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(line)
            on_line(line)

        shutil.rmtree(ready.folder, ignore_errors=True)
        try:
            self._tell(wheels)
            end = self.errands.run(self._errand(ready.image), hear)
            why = end.code and (" ".join(lines[-1:]) or f"pip ended with {end.code}")
        except ImageError as error:
            why = str(error)
        finally:
            shutil.rmtree(self.told, ignore_errors=True)
        write(ready.folder, wheels, lines, why or "")

    def _tell(self, wheels: Path) -> None:
        """Variables in a file, as an errand's own would stay in the image.

        It lies beside the wheels, because each place of a mount stays there, too, as a folder.
        """
        shutil.rmtree(self.told, ignore_errors=True)
        link(wheels, self.told)
        variables = {**VARIABLES, **self.env}
        exports = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        (self.told / "environment").write_text("".join(exports))
        open_to_all(self.told)

    def _errand(self, becomes: str) -> Errand:
        names = sorted(wheel.name.partition("-")[0] for wheel in self.told.glob("*.whl"))
        return Errand(
            name=self.name,
            image=self.image,
            command=("/bin/sh", "-c", INSTALL, "sh", *names),
            mounts=(Mount(str(self.told), WHEELS, read_only=True),),
            becomes=becomes,
        )


def write(folder: Path, wheels: Path, lines: list[str], why: str) -> None:
    """What replicas say instead of pip, and where it has installed; whole or not at all."""
    incoming = folder.with_name(f"{folder.name}.incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    said = [line for line in lines if not line.startswith((PROCESSING, IN))]
    places = sorted({line.removeprefix(IN) for line in lines if line.startswith(IN)})
    shutil.copy(wheels / "satisfied.txt", incoming)
    (incoming / "installed.txt").write_text("".join(f"{line}\n" for line in said))
    (incoming / PLACES).write_text("".join(f"{place}\n" for place in places))
    (incoming / WHY).write_text(why)
    open_to_all(incoming)
    incoming.rename(folder)
