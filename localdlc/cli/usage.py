"""``top`` and ``show --metrics``: what the replicas of a job use, and have used."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import JOB, noticing, output, shared
from localdlc.errors import UsageError

if TYPE_CHECKING:
    from localdlc.record.metrics import JobUse
    from localdlc.service import Service
    from localdlc.service.watching import Watch

# As often as replicas are looked at.
EVERY = 2.0
# Looks at a job that nobody supervises, before it is left.
PATIENCE = 5


@click.command()
@JOB
@click.option("--once", is_flag=True, help="Print the table once, as it does into a pipe.")
@shared
@output
def top(job: str, once: bool, output: str, **flags: Any) -> None:
    """Show what each replica of JOB uses, every two seconds until it ends.

    \b
    localdlc top last
    localdlc top last -o json | jq .replicas[0].now.memory
    """
    from localdlc.terminal.top import top_json, top_text

    with noticing(flags).watch_job(job) as watch:
        use = watch.look()
        if output == "json":
            click.echo(json.dumps(top_json(use), indent=1))
        elif once or not sys.stdout.isatty():
            click.echo(top_text(use))
        else:
            follow(watch, use)


def follow(watch: Watch, use: JobUse) -> None:
    """To the end of the job. A supervisor that is gone may soon have a successor, or none."""
    from localdlc.terminal.top import top_text

    screen = Screen()
    alone = 0
    while not use.terminal and alone < PATIENCE:
        screen.show(top_text(use, screen.height))
        time.sleep(EVERY)
        use = watch.look()
        alone = 0 if use.supervised else alone + 1
    screen.show(top_text(use, screen.height))


class Screen:
    """A text that is replaced by the next."""

    def __init__(self) -> None:
        self._lines = 0

    @property
    def height(self) -> int:
        return shutil.get_terminal_size((100, 24)).lines - 1

    def show(self, text: str) -> None:
        width = shutil.get_terminal_size((100, 24)).columns
        lines = [line[:width] for line in text.splitlines()]
        back = f"\x1b[{self._lines}A\x1b[J" if self._lines else ""
        click.echo(back + "\n".join(lines))
        self._lines = len(lines)


def show_metrics(jobs: Service, job: str, output: str) -> None:
    """``show --metrics``: peaks and means as text, the series as JSON or CSV."""
    from localdlc.record.metrics import csv_rows, job_metrics
    from localdlc.terminal.usage import used_table

    job_id, series = jobs.get_usage(job)
    found = [(one, used) for one in series if (used := one.used())]
    if not found:
        raise UsageError(
            f"{job_id} was not sampled: it ran for less than two seconds, or --metrics was off."
        )
    every, uses = zip(*found, strict=True)
    if output == "json":
        click.echo(json.dumps(job_metrics(job_id, every), indent=1))
    elif output == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(csv_rows(every))
    else:
        click.echo(used_table(uses, job_id))
