"""``resolve``: what the ids of a request stand for in the cloud, and how to register it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from localdlc.cli.options import read_body, service, shared


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change the request.")
@click.option("--write", is_flag=True, help="Add it to localdlc.toml.")
@shared
def resolve(file: str, overrides: tuple[str, ...], write: bool, **flags: Any) -> None:
    """Ask the cloud for the datasets and the code of FILE that localdlc.toml does not know.

    Prints the tables to add; --write adds them. Needs `pip install 'localdlc[cloud]'`.

    \b
    localdlc resolve job.json --write
    """
    from localdlc.config import writing
    from localdlc.config.layers import project_file

    found = service(flags).resolve_job(read_body(file), overrides)
    text = writing.as_toml(found.datasets, found.code_sources)
    if not text:
        click.echo("localdlc.toml knows every id of this request.")
        return
    click.echo(text, nl=False)
    if write:
        path = project_file(flags["config"], os.environ, Path.cwd())
        writing.write(path, text)
        click.echo(f"added to {path}", err=True)
