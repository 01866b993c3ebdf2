"""``cache``: what is kept of data, code and libraries, and taking it out again."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from localdlc.cli.options import output, service, shared
from localdlc.errors import UsageError

KINDS = ("data", "code", "wheels")


@click.group()
def cache() -> None:
    """Look at what is kept for the next job: data, clones, wheels.

    \b
    localdlc cache list
    localdlc cache rm oss://bucket/data/
    """


@cache.command("list")
@shared
@output
def list_(output: str, **flags: Any) -> None:
    """List what the caches hold, the latest used first.

    \b
    localdlc cache list -o json
    """
    found = service(flags).list_cache()
    if output == "json":
        from localdlc.record.times import stamp

        rows = [{**dataclasses.asdict(one), "folder": str(one.folder)} for one in found]
        click.echo(json.dumps(rows, indent=1, default=stamp))
        return
    from localdlc.terminal.views import cache_table

    click.echo(cache_table(found))


@cache.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Everything that no job uses.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Everything of this kind."
)
@shared
def rm(names: tuple[str, ...], everything: bool, kinds: tuple[str, ...], **flags: Any) -> None:
    """Take things out of the cache. NAME is a key, its beginning, or a Uri or repository.

    What a running job uses stays.

    \b
    localdlc cache rm oss://bucket/path/
    """
    if not (names or everything or kinds):
        raise UsageError("name what to remove (`localdlc cache list` shows it), or say --all.")
    from localdlc.terminal.views import removed_text

    removed = service(flags).remove_cache(names, KINDS if everything else kinds)
    for one, gone in removed:
        click.echo(removed_text(one, gone=gone))
    if not removed:
        click.echo("nothing to remove")
