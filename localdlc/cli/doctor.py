"""``doctor``: whether this machine can run jobs."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import output, shared
from localdlc.errors import MachineError, UsageError

if TYPE_CHECKING:
    from localdlc.doctor import Check


@click.command()
@shared
@output
def doctor(output: str, **flags: Any) -> int:
    """Check whether this machine can run jobs: one line each, with what to do.

    Looks at the configuration, programs, memory, disks, GPUs and the engine, and starts a few
    small containers, which it removes. Exits with 3 when something does not work.

    \b
    localdlc doctor -o json
    """
    from localdlc.terminal.doctor import check_lines

    seen: list[Check] = []
    with told_of_signals() as signals, closing(checks(flags)) as found:
        for check in found:
            seen.append(check)
            if output == "text":
                click.echo("\n".join(check_lines(check)))
            if signals:
                raise SystemExit(128 + signals[0])
    well = all(check.state != "problem" for check in seen)
    if output == "json":
        told = [dataclasses.asdict(check) for check in seen]
        click.echo(json.dumps({"ok": well, "checks": told}, indent=1))
    return 0 if well else MachineError.exit_code


@contextmanager
def told_of_signals() -> Iterator[list[int]]:
    """The numbers of those that came; the second is not waited with.

    In the middle of a step nobody knows what the engine has just created.
    """
    seen: list[int] = []

    def note(number: int, frame: object) -> None:
        seen.append(number)
        if len(seen) > 1:
            raise SystemExit(128 + number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def checks(flags: dict[str, Any]) -> Generator[Check, None, None]:
    """A configuration that cannot be read is the first problem, and not the only one told."""
    from localdlc.config import Config, load_config
    from localdlc.doctor import Check
    from localdlc.service import Service

    try:
        config = load_config(flags, os.environ, Path.cwd())
    except UsageError as error:
        yield Check("config", "problem", str(error), "Mend it; `localdlc config show` tells more.")
        home = flags["home"] or os.environ.get("LOCALDLC_HOME") or Path.home() / ".localdlc"
        config = Config(Path(home))
    jobs = Service(config, mask=click.get_current_context().obj)
    try:
        yield from jobs.examine()
    finally:
        jobs.close()
