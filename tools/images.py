"""Build the base image and the samples' images, unless the engine holds what would come out.

Usage: python tools/images.py base
       python tools/images.py sample FOLDER REFERENCE [--index URL]
       python tools/images.py wheels FOLDER [--index URL]

A stamp in .setup holds, for each image, a digest of all it was made from and the id it got.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from localdlc.errors import LocaldlcError
from localdlc.stage.image import (
    BASE,
    ImageBuilder,
    build_base,
    build_sample,
    fetch_wheels,
    read_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Callable

say = partial(print, flush=True)

HERE = Path(__file__).resolve().parent.parent
SETUP = HERE / ".setup"
WHEELS = SETUP / "wheels"
RECIPES = tuple(HERE / "localdlc" / "stage" / name for name in ("image.py", "rootfs.py"))


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    asked = parser().parse_args(arguments)
    try:
        asked.do(asked)
    except LocaldlcError as error:
        say(error)
        return error.exit_code
    return 0


def parser() -> argparse.ArgumentParser:
    """Three commands."""
    top = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    commands = top.add_subparsers(required=True)
    commands.add_parser("base").set_defaults(do=base)
    sampling, fetching = commands.add_parser("sample"), commands.add_parser("wheels")
    sampling.set_defaults(do=sample)
    fetching.set_defaults(do=wheels)
    for command in (sampling, fetching):
        command.add_argument("folder", type=Path)
        command.add_argument("--index", help="a package index for pip to use instead of its own")
    sampling.add_argument("reference")
    return top


def base(_: argparse.Namespace) -> None:
    """Build the base image."""
    dockerfile = HERE / "Dockerfile.base"
    engine = connect()
    key = digest(dockerfile, *RECIPES)
    unless_there(engine, BASE, key, lambda: build_base(engine, dockerfile, on_progress=say))


def sample(asked: argparse.Namespace) -> None:
    """Build one sample's image."""
    engine = connect()
    names = ("Dockerfile", "requirements.txt")
    start = read_arguments((asked.folder / names[0]).read_text())["BASE"]
    key = digest(
        *(asked.folder / name for name in names), extra=f"{asked.index} {engine.find_image(start)}"
    )
    build = partial(
        build_sample,
        engine,
        asked.folder,
        asked.reference,
        cache=WHEELS,
        on_progress=say,
        index=asked.index,
    )
    unless_there(engine, asked.reference, key, build)


def wheels(asked: argparse.Namespace) -> None:
    """Fetch a sample's wheels ahead of its image: no engine is needed for that."""
    fetch_wheels(asked.folder, cache=WHEELS, on_progress=say, index=asked.index)


def connect() -> ImageBuilder:
    """The engine. Loaded here because docker-py takes its time."""
    from localdlc.run.docker_engine import connect

    return connect(os.environ)


def unless_there(engine: ImageBuilder, reference: str, key: str, build: Callable[[], str]) -> None:
    """Build unless the stamp tells of the same inputs and the engine holds what they gave."""
    stamp = SETUP / reference.replace("/", "-").replace(":", "-")
    image = engine.find_image(reference)
    if image and stamp.exists() and stamp.read_text() == f"{key} {image}":
        say(f"{reference} is there")
        return
    SETUP.mkdir(exist_ok=True)
    stamp.write_text(f"{key} {build()}")


def digest(*files: Path, extra: str = "") -> str:
    """One digest of the contents of ``files`` and of ``extra``."""
    whole = hashlib.sha256(extra.encode())
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
