"""The terminal door: parse, call the service, show. One file a family of commands."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from gc import set_threshold
from pathlib import Path

import click

from localdlc.cli.commands import Commands
from localdlc.errors import LocaldlcError, UsageError, bug
from localdlc.record.masking import Mask, without_logins

__all__ = ["entry", "main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="localdlc")
def cli() -> None:
    """Run a PAI-DLC CreateJob request on this machine, one container per replica.

    \b
    localdlc validate job.json     what is wrong with it, and what runs differently here
    localdlc plan job.json         what would be done
    localdlc run job.json          do it
    """


def entry() -> None:
    """The program: `main`, and then out at once.

    Python takes 60 to 100 ms to take apart a thousand modules; the system does it in none.
    """
    code: object = 0
    # Nothing of what is loaded at a start is ever garbage; to look for some takes 8 ms of it.
    set_threshold(50_000)
    # In search of plugins pydantic reads what every installed package says of itself: 20 ms.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for good
    try:
        main()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it is gone
            stream.flush()
    os._exit(code if isinstance(code, int) else 0)


def main(arguments: Sequence[str] | None = None) -> None:
    """The one place that turns an error into words and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    known: LocaldlcError | None = None
    mask = Mask(())
    code = 0
    try:
        code = cli.main(given, "localdlc", standalone_mode=False, obj=mask)
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except click.ClickException as error:
        known = UsageError(error.format_message())
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence instead of a traceback
        if debug:
            told = "".join(traceback.format_exception(error))
            click.echo(without_logins(mask.text(told)), err=True, nl=False)
        known = error if isinstance(error, LocaldlcError) else bug(error)
    if known:
        code = known.exit_code
        with suppress(OSError):  # nobody is left to be told
            mask.exception(known)
            complain(given, known)
    sys.exit(code)


def complain(arguments: Sequence[str], error: LocaldlcError) -> None:
    """On standard error for people; with ``-o json`` as the last line of standard output."""
    if wants_json(arguments):
        body = {
            "type": "error",
            "code": error.api_code,
            "message": without_logins(str(error)),
            "problems": list(map(asdict, error.problems)),
            "notes": list(map(asdict, error.notes)),
        }
        click.echo(json.dumps(body))
        return
    click.echo(f"localdlc: {without_logins(str(error))}", err=True)
    for problem in error.problems:
        click.echo(f"  {without_logins(str(problem))}", err=True)
    for note in error.notes:
        click.echo(f"  note: {note}", err=True)


def wants_json(arguments: Sequence[str]) -> bool:
    joined = " ".join(arguments)
    return any(
        spelled in joined for spelled in ("-o json", "-ojson", "--output json", "--output=json")
    )
