"""The commands of the program, and where each of them is. Only the one that is called is loaded."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

__all__ = ["COMMANDS", "Commands"]

# In the order in which they are shown: a name, its file in this folder and what it is there.
COMMANDS = {
    "run": "run:run",
    "validate": "run:validate",
    "plan": "run:plan",
    "resolve": "resolve:resolve",
    "list": "jobs:list_",
    "show": "jobs:show",
    "logs": "logs:logs",
    "wait": "living:wait",
    "stop": "living:stop",
    "exec": "entering:exec_",
    "top": "usage:top",
    "write-back": "jobs:write_back",
    "bundle": "bundle:bundle",
    "rm": "living:rm",
    "gc": "jobs:gc",
    "cache": "cache:cache",
    "image": "image:image",
    "doctor": "doctor:doctor",
    "config": "settings:config",
}


class Commands(click.Group):
    """A group that knows its commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else " `localdlc --help` lists them."
            raise click.UsageError(f"there is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        file, name = place.split(":")
        command: click.Command = getattr(import_module(f"localdlc.cli.{file}"), name)
        return command
