"""Every command is where the table says, has an example or a sentence, and costs others nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from localdlc.cli import cli
from localdlc.cli.commands import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_where_the_table_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {part}", each) for part, each in command.commands.items())


@pytest.mark.parametrize(("name", "command"), [*commands()])
def test_the_help_of_a_command_has_an_example(name: str, command: click.Command) -> None:
    lines = (command.help or "").splitlines()
    assert f"localdlc {name}" in [line.strip()[: 9 + len(name)] for line in lines]


def test_a_command_loads_no_other() -> None:
    program = (
        "import sys; from localdlc.cli import cli; import click;"
        "cli.get_command(click.Context(cli), 'run');"
        "print(*[m for m in sys.modules if m.startswith('localdlc.cli.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(loaded) == {
        "localdlc.cli.commands",
        "localdlc.cli.options",
        "localdlc.cli.run",
        "localdlc.cli.screen",
    }
