"""The terminal door: parse, call the service, show. One file a family of commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from localdlc.cli.image import image
from localdlc.cli.jobs import gc, list_, logs, show
from localdlc.cli.run import plan, run, validate
from localdlc.cli.settings import config
from localdlc.errors import LocaldlcError, Problem, bug

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="localdlc")
def cli() -> None:
    """Run a PAI-DLC CreateJob request on this machine, one container per replica.

    \b
    localdlc validate job.json     what is wrong with it, and what runs differently here
    localdlc plan job.json         what would be done
    localdlc run job.json          do it
    """


for command in (run, validate, plan, list_, show, logs, gc, image, config):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The one place that turns an error into words and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        sys.exit(cli.main(given, "localdlc", standalone_mode=False))
    except LocaldlcError as error:
        if debug:
            raise
        complain(given, error.api_code, str(error), error.problems, error.notes)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        complain(given, "InvalidParameter", error.format_message())
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        complain(given, "InternalError", str(bug(error)))
        sys.exit(LocaldlcError.exit_code)


def complain(
    arguments: Sequence[str],
    code: str,
    message: str,
    problems: Sequence[Problem] = (),
    notes: Sequence[Problem] = (),
) -> None:
    """On standard error for people; with ``-o json`` as the last line of standard output."""
    if wants_json(arguments):
        lists = {"problems": list(map(asdict, problems)), "notes": list(map(asdict, notes))}
        click.echo(json.dumps({"type": "error", "code": code, "message": message, **lists}))
        return
    click.echo(f"localdlc: {message}", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)
    for note in notes:
        click.echo(f"  note: {note}", err=True)


def wants_json(arguments: Sequence[str]) -> bool:
    joined = " ".join(arguments)
    return any(
        spelled in joined for spelled in ("-o json", "-ojson", "--output json", "--output=json")
    )
