"""``image``: the base image."""

from __future__ import annotations

from typing import Any

import click

from localdlc.cli.options import service, shared


@click.group()
def image() -> None:
    """Build the base image that samples and first jobs start from.

    \b
    localdlc image build
    """


@image.command()
@click.option("-f", "--file", metavar="FILE", help="A Dockerfile.base other than localdlc's own.")
@click.option("-t", "--tag", metavar="NAME", help="Its name (localdlc/base:latest).")
@shared
def build(file: str | None, tag: str | None, **flags: Any) -> None:
    """Build the base image, with a registry or without one.

    Python 3.11 with pip, bash, git, an ssh server and Open MPI. Without a registry it is made from
    a Debian root file system.

    \b
    localdlc image build -t my/base:1
    """
    image_id = service(flags).build_image(
        file, tag, on_progress=lambda line: click.echo(line, err=True)
    )
    click.echo(image_id)
