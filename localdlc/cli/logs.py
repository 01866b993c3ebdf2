"""``logs``: what the replicas of a job wrote."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import click

from localdlc.cli.moments import MOMENT
from localdlc.cli.options import JOB, noticing, output, shared
from localdlc.errors import UsageError
from localdlc.record.log_query import Line, LogQuery, folded

__all__ = ["logs"]


def pattern(_ctx: object, _param: object, given: str | None) -> re.Pattern[bytes] | None:
    try:
        return re.compile(given.encode()) if given is not None else None
    except re.error as error:
        raise click.BadParameter(f"{given!r} is no regular expression: {error}") from error


@click.command()
@JOB
@click.argument("pods", nargs=-1, metavar="[POD]...")
@click.option("-f", "--follow", is_flag=True, help="And what is written until the job has ended.")
@click.option("--attempt", type=click.IntRange(1), help="Only what was written in this attempt.")
@click.option("-p", "--previous", is_flag=True, help="Only of the attempt before the last.")
@click.option("--since", type=MOMENT, help="Written after: 10m (ago), or a date.")
@click.option("--until", type=MOMENT, help="Written before.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="The last N of each replica.")
@click.option("--grep", callback=pattern, metavar="REGEX", help="Lines in which this is found.")
@click.option("--fold", is_flag=True, help="What several replicas wrote alike comes once.")
@shared
@output
def logs(job: str, follow: bool, fold: bool, output: str, **flags: Any) -> None:
    """Print what the replicas of JOB wrote; only those of POD (such as worker-0) if given.

    What a replica wrote in its second attempt comes as worker-0/2.

    \b
    localdlc logs last worker-0 worker-1 --since 10m --grep 'loss='
    localdlc logs last -f --tail 20
    """
    query = LogQuery(**{f.name: flags.pop(f.name) for f in fields(LogQuery)})
    refuse_contradictions(query, follow=follow, fold=fold, output=output)
    jobs = noticing(flags)
    if follow:
        for some in jobs.follow_pod_logs(job, query):
            say_json(some) if output == "json" else say(some, prefixed=len(query.pods) != 1)
            sys.stdout.buffer.flush()
        return
    found = jobs.get_pod_logs(job, query)
    if query.previous:
        found = iter(known := list(found))
        if not known:
            click.echo("no replica wrote anything in an attempt before its last.", err=True)
    if output == "json":
        say_json(found)
    elif fold:
        say_folded(found)
    else:
        say(found, prefixed=len(query.pods) != 1)
    sys.stdout.buffer.flush()


def refuse_contradictions(query: LogQuery, *, follow: bool, fold: bool, output: str) -> None:
    if follow and (fold or query.previous):
        raise UsageError("--fold and --previous are for what was written; leave --follow out")
    if fold and output == "json":
        raise UsageError("--fold is for people; leave -o json out, which says who wrote what")


def say(lines: Iterable[Line], *, prefixed: bool) -> None:
    from localdlc.terminal.lines import write_all
    from localdlc.terminal.views import log_line

    for line in lines:
        shown = log_line(line.pod_id, line.attempt, line.text, prefixed=prefixed)
        write_all(sys.stdout.buffer, shown)


def say_folded(lines: Iterable[Line]) -> None:
    from localdlc.terminal.lines import write_all
    from localdlc.terminal.views import folded_line

    known = list(lines)
    everybody = list(dict.fromkeys(line.pod_id for line in known))
    for fold in folded(known):
        write_all(sys.stdout.buffer, folded_line(fold, everybody))


def say_json(lines: Iterable[Line]) -> None:
    from localdlc.terminal.lines import write_all

    for line in lines:
        body = {**line._asdict(), "text": line.text.decode("utf-8", "backslashreplace")}
        write_all(sys.stdout.buffer, f"{json.dumps(body)}\n".encode())
