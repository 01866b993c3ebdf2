"""The base image and the samples' images: what they start from, and how they come to be.

Nothing of the host's pip or apt configuration is ever in a build: the host's own pip and apt fetch
wheels and packages, and the engine only sees what they fetched.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from localdlc.errors import ImageError, InputError
from localdlc.stage.rootfs import SUITE, make_rootfs, mmdebstrap_command, stream, with_python

__all__ = ["BASE", "ImageBuilder", "build_base", "build_sample", "fetch_wheels"]

BASE = "localdlc/base:latest"
PYTHON = (3, 11)  # of every image made here
GLIBC_MINOR = 36  # of SUITE; wheels for an older one run there, too

REGISTRY_PATIENCE = 20.0  # seconds a registry may be silent before we do without it

Progress = Callable[[str], None]


class ImageBuilder(Protocol):
    """What building images needs of an engine. Its failures are `ImageError`."""

    def find_image(self, reference: str) -> str | None:
        """The image's id, or None."""

    def pull_image(self, reference: str) -> Iterator[str]:
        """Fetch from a registry; yields progress lines."""

    def import_image(self, tar: Path, reference: str) -> None:
        """Make an image of a root file system."""

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        """Build; yields the classic builder's lines."""

    def remove_image(self, reference: str) -> None:
        """Remove a name, and what no other name or image needs."""


# the base image


def build_base(
    builder: ImageBuilder, dockerfile: Path, reference: str = BASE, *, on_progress: Progress
) -> str:
    """Build the base image and return its id.

    It starts from the official image that ``dockerfile`` names; where no registry gives that, or
    it cannot be filled, from a Debian root file system made here. Raises `ImageError` when
    neither can be had.
    """
    with tempfile.TemporaryDirectory(prefix="localdlc-base-") as folder:
        context = Path(folder)
        shutil.copy(dockerfile, context / "Dockerfile")
        return build_filled(builder, context, reference, "FROM", on_progress)


def build_filled(
    builder: ImageBuilder, context: Path, reference: str, start: str, on_progress: Progress
) -> str:
    """Build on what the ARG ``start`` names, else on a Debian that holds the ARG PACKAGES."""
    defaults = read_arguments((context / "Dockerfile").read_text())
    if pulled(builder, defaults[start], on_progress):
        try:
            return build(builder, context, reference, {}, on_progress)
        except ImageError as error:
            on_progress(f"not on {defaults[start]}: {error}")
    filled = debian(builder, defaults["PACKAGES"].split(), on_progress)
    return build(builder, context, reference, {start: filled}, on_progress)


def read_arguments(dockerfile: str) -> dict[str, str]:
    """The defaults of a Dockerfile's ARGs."""
    found = re.findall(r'^ARG (\w+)=(?:"(.*)"|(\S+))$', dockerfile, re.MULTILINE)
    return {name: quoted or bare for name, quoted, bare in found}


def pulled(
    builder: ImageBuilder,
    reference: str,
    on_progress: Progress,
    patience: float = REGISTRY_PATIENCE,
) -> bool:
    """Whether the engine holds ``reference``, or could fetch it without a long silence."""
    if builder.find_image(reference):
        return True
    lines: SimpleQueue[str | Exception | None] = SimpleQueue()
    Thread(target=pull_into, args=(builder, reference, lines), daemon=True).start()
    try:
        while line := lines.get(timeout=patience):
            if isinstance(line, Exception):
                on_progress(f"no registry: {line}")
                return False
            on_progress(line)
    except Empty:
        on_progress(f"no registry: it was silent for {patience:.0f} s")
        return False
    return True


def pull_into(
    builder: ImageBuilder, reference: str, lines: SimpleQueue[str | Exception | None]
) -> None:
    """Pull, handing over each line, then the error or None."""
    try:
        for line in builder.pull_image(reference):
            lines.put(line or " ")
        lines.put(None)
    except ImageError as error:
        lines.put(error)


def debian(builder: ImageBuilder, packages: list[str], on_progress: Progress) -> str:
    """The name of an image of Debian with ``packages``, made unless the engine holds it."""
    recipe = mmdebstrap_command(Path(), with_python(packages), (), ())
    digest = hashlib.sha256("\n".join(recipe).encode()).hexdigest()
    reference = f"localdlc/debian:{SUITE}-{digest[:12]}"
    if builder.find_image(reference) is None:
        with tempfile.TemporaryDirectory(prefix="localdlc-rootfs-") as folder:
            # mmdebstrap's own helpers run as another user and must see the way to it.
            Path(folder).chmod(0o755)
            tar = Path(folder) / "rootfs.tar"
            make_rootfs(tar, packages, on_progress)
            on_progress(f"importing {tar.stat().st_size / 1e6:.0f} MB as {reference}")
            builder.import_image(tar, reference)
    return reference


# a sample's image


def build_sample(
    builder: ImageBuilder,
    folder: Path,
    reference: str,
    *,
    cache: Path,
    on_progress: Progress,
    index: str | None = None,
) -> str:
    """Build a sample's image from its Dockerfile and requirements.txt; returns its id.

    The wheels come by the host's pip (``index`` overrides its index) and are kept in ``cache``;
    packages, if the Dockerfile has an ARG PACKAGES, as those of the base image.
    Raises `InputError` when a wheel cannot be had and `ImageError` when the build fails.
    """
    context = fetch_wheels(folder, cache=cache, on_progress=on_progress, index=index)
    if "PACKAGES" in read_arguments((folder / "Dockerfile").read_text()):
        return build_filled(builder, context, reference, "BASE", on_progress)
    return build(builder, context, reference, {}, on_progress)


def fetch_wheels(
    folder: Path, *, cache: Path, on_progress: Progress, index: str | None = None
) -> Path:
    """The build context of the sample in ``folder``, with its wheels; fetched when not there.

    A requirements.txt without a requirement is a sample that needs no wheels.
    """
    requirements = folder / "requirements.txt"
    key = hashlib.sha256(requirements.read_bytes() + (index or "").encode()).hexdigest()[:12]
    context = cache / f"{folder.name}-{key}"
    wheels = context / "wheels"
    if not wheels.is_dir():
        partial = context / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        try:
            stream(wheel_command(requirements, partial, index), on_progress)
        except ImageError as error:
            raise InputError(f"the wheels of {requirements} cannot be had: {error}") from error
        partial.rename(wheels)
    for name in ("Dockerfile", "requirements.txt"):
        shutil.copy(folder / name, context)
    return context


def wheel_command(
    requirements: Path,
    target: Path,
    index: str | None,
    *,
    host: tuple[int, int] = sys.version_info[:2],
    machine: str = platform.machine(),
) -> tuple[str, ...]:
    """The call of the host's pip, in its own configuration, for wheels of the image's Python."""
    download = (sys.executable, "-m", "pip", "download", "--progress-bar=off", "--no-input")
    elsewhere = ("--index-url", index) if index else ()
    foreign = () if host == PYTHON else foreign_python(machine)
    return (*download, "-d", str(target), *elsewhere, *foreign, "-r", str(requirements))


def foreign_python(machine: str) -> tuple[str, ...]:
    """Options for a Python that is not pip's own. It does not derive older platforms."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC_MINOR, 16, -1)]
    return (
        f"--python-version={PYTHON[0]}.{PYTHON[1]}",
        "--only-binary=:all:",
        *(f"--platform={name}" for name in (*platforms, f"manylinux2014_{machine}")),
    )


# any image


def build(
    builder: ImageBuilder,
    context: Path,
    reference: str,
    arguments: Mapping[str, str],
    on_progress: Progress,
) -> str:
    """Build ``context`` and return the image's id. What earlier stages held is removed."""
    lines: list[str] = []
    for line in builder.build_image(context, reference, arguments):
        lines.append(line)
        on_progress(line)
    for stage in left_stages(lines):
        with suppress(ImageError):  # it costs disk, not the image
            builder.remove_image(stage)
    if (image := builder.find_image(reference)) is None:
        raise ImageError(f"the engine built {reference} but does not hold it")
    return image


def left_stages(lines: list[str]) -> list[str]:
    """Ids of what every stage but the last came to. The builder leaves them, wheels and all.

    A stage without a step of its own is only another name of what it starts from: not listed.
    """
    stages: list[list[str]] = []
    for line in lines:
        if re.match(r"Step \d+/\d+ : FROM ", line):
            stages.append([])
        elif stages and (mark := re.fullmatch(r" ---> ([0-9a-f]{12})", line)):
            stages[-1].append(mark[1])
    return [ids[-1] for ids in stages[:-1] if len(ids) > 1]
