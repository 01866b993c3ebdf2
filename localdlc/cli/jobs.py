"""``list``, ``show``, ``write-back`` and ``gc``: jobs that were and jobs that are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.moments import MOMENT
from localdlc.cli.options import JOB, apply, noticing, output, service, shared
from localdlc.record.query import SORTS, JobQuery

if TYPE_CHECKING:
    from localdlc.record.timeline import Phase
    from localdlc.record.view import JobView

list_options = apply(
    [
        click.option(
            "--status",
            "statuses",
            multiple=True,
            callback=lambda _ctx, _param, given: given and statuses(given),
            help="Only with this status.",
        ),
        click.option(
            "--type",
            "types",
            multiple=True,
            callback=lambda _ctx, _param, given: given and job_types(given),
            help="Only of this JobType.",
        ),
        click.option("--name", default="", metavar="TEXT", help="With TEXT in the name."),
        click.option("--since", type=MOMENT, help="Created after: 2h (ago), or a date."),
        click.option("--until", type=MOMENT, help="Created before."),
        click.option(
            "--label",
            "labels",
            multiple=True,
            metavar="K=V",
            callback=lambda _ctx, _param, given: tuple(map(label, given)),
            help="With this tag in Settings.Tags.",
        ),
        click.option("--sort", type=click.Choice(list(SORTS)), default="created"),
        click.option("--asc", "ascending", is_flag=True, help="The least or oldest first."),
        click.option("-n", "--limit", type=click.IntRange(1), help="At most so many."),
        click.option("--page", type=click.IntRange(1), default=1, help="The next so many."),
    ]
)
"""Which jobs, and in which order."""


def statuses(given: tuple[str, ...]) -> tuple[str, ...]:
    from localdlc.record.view import MOVES, TERMINAL

    return one_of([*filter(None, MOVES), *sorted(TERMINAL)], given)


def job_types(given: tuple[str, ...]) -> tuple[str, ...]:
    from localdlc.spec.rules.job import JOB_TYPES

    return one_of(JOB_TYPES, given)


def one_of(known: Iterable[str], given: tuple[str, ...]) -> tuple[str, ...]:
    """In any case. One that is misspelt would find nothing, and not say so."""
    names = {name.lower(): name for name in known}
    for name in given:
        if name.lower() not in names:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(names.values())}")
    return tuple(names[name.lower()] for name in given)


def label(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals) or '"' in name:
        raise click.BadParameter(f"{given!r} must be NAME=VALUE")
    return name, value


@click.command("list")
@list_options
@shared
@output
def list_(output: str, **flags: Any) -> None:
    """List the jobs of this home, newest first.

    \b
    localdlc list --status Failed --since 2d --name bert -n 20
    """
    query = JobQuery(**{f.name: flags.pop(f.name) for f in dataclasses.fields(JobQuery)})
    if query.page > 1 and query.limit is None:
        raise click.UsageError("--page needs -n: how many jobs a page has.")
    rows = noticing(flags).list_jobs(query)
    if output == "json":
        click.echo(json.dumps([row._asdict() for row in rows], indent=1))
        return
    from localdlc.terminal.job_list import job_table

    click.echo(job_table(rows, datetime.now(UTC)))


@click.command()
@JOB
@click.option("--env", is_flag=True, help="Every variable that each replica was given by DLC.")
@click.option("--timeline", is_flag=True, help="Where the time went; writes a Perfetto trace.")
@click.option("--metrics", is_flag=True, help="What each replica used; the series as JSON or CSV.")
@shared
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How to print; csv goes with --metrics.",
)
def show(job: str, env: bool, timeline: bool, metrics: bool, output: str, **flags: Any) -> None:
    """Show one job: its statuses, its replicas and how they ended.

    JOB is a JobId, a unique prefix of one, or `last`. With -o json as DLC's GetJob
    answers; what only this machine knows is in its member Localdlc.

    \b
    localdlc show last --timeline
    """
    if metrics:
        from localdlc.cli.usage import show_metrics

        show_metrics(noticing(flags), job, output)
        return
    if output == "csv":
        raise click.UsageError("-o csv goes with --metrics.")
    if env:
        show_env(noticing(flags).get_system_envs(job), output)
        return
    if timeline:
        show_timeline(*noticing(flags).get_timeline(job), output)
        return
    if output == "json":
        from localdlc.record.times import stamp

        click.echo(json.dumps(noticing(flags).describe_job(job), indent=1, default=stamp))
        return
    from localdlc.terminal.views import job_text

    jobs = noticing(flags)
    view, plan = jobs.get_job(job)
    click.echo(job_text(view, plan))
    if why := jobs.explain_job(view.job_id):
        from localdlc.terminal.failure import failure_lines

        click.echo("\n".join(failure_lines(why)))


def show_timeline(view: JobView, found: list[Phase], trace: Path, output: str) -> None:
    from localdlc.record.times import stamp

    click.echo(f"{trace}: the same for ui.perfetto.dev", err=True)
    if output == "json":
        rows = [{**dataclasses.asdict(phase), "seconds": phase.seconds} for phase in found]
        click.echo(json.dumps(rows, indent=1, default=stamp))
        return
    from localdlc.terminal.timeline import timeline_text

    now = datetime.now(UTC)
    click.echo(timeline_text(found, view.job_id, view.created or now, view.finished or now))


def show_env(injected: dict[str, dict[str, str]], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(injected, indent=1))
        return
    from localdlc.terminal.views import env_text

    click.echo(env_text(injected))


@click.command("write-back")
@JOB
@shared
def write_back(job: str, **flags: Any) -> None:
    """Upload what JOB wrote over fetched data to where the data came from.

    As `run --write-back` does after a job that succeeded. Nothing is deleted there.

    \b
    localdlc write-back last
    """
    from localdlc.record.events import Event, Note

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            click.echo(event.text)

    service(flags).write_back(job, tell)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--kept", is_flag=True, help="Also what --keep left on purpose.")
@shared
def gc(dry_run: bool, kept: bool, **flags: Any) -> None:
    """Put in order what killed runs of this home left behind, and trim it to its limits.

    A job whose replicas had all been created is carried on with; the containers and networks of any
    other are removed. Old jobs, logs and caches go beyond limit_jobs, limit_logs, limit_cache.

    \b
    localdlc gc --dry-run
    """
    from localdlc.terminal.views import swept_text

    jobs = service(flags)
    found = jobs.gc(dry_run=dry_run, kept=kept)
    for swept in found:
        click.echo(swept_text(swept, dry_run=dry_run))
    trimmed = jobs.trim(dry_run=dry_run)
    for words in trimmed:
        click.echo(words)
    if not (found or trimmed):
        click.echo("nothing to remove")
