"""``config``: which settings are in force, and why."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from localdlc.cli.options import configured, output, shared


@click.group()
def config() -> None:
    """Look at the configuration.

    \b
    localdlc config show
    """


@config.command("show")
@shared
@output
def show_config(output: str, **flags: Any) -> None:
    """Print every setting, its value and where it came from.

    \b
    localdlc config show -o json
    """
    settings = configured(flags)
    rows = [
        (f.name, getattr(settings, f.name), settings.origins[f.name])
        for f in dataclasses.fields(settings)
        if f.name != "origins"
    ]
    from localdlc.plan.secrets import secrets_of_config
    from localdlc.record.masking import Mask

    mask = Mask(secrets_of_config(settings))
    if output == "json":
        body = {name: {"value": value, "origin": origin} for name, value, origin in rows}
        click.echo(mask.text(json.dumps(body, indent=1, default=as_json)))
        return
    from localdlc.terminal.views import setting_text

    for name, value, origin in rows:
        click.echo(f"{name} = {mask.text(setting_text(value))}  ({origin})")


def as_json(value: object) -> object:
    """A table as an object without its secrets; anything else as its text."""
    from localdlc.config import CodeSource

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr}
        return shown | ({"repository": value.shown} if isinstance(value, CodeSource) else {})
    return str(value)
