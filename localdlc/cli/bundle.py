"""``bundle``: a job in one archive, for a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import JOB, noticing, shared

if TYPE_CHECKING:
    from localdlc.service import Service


@click.command()
@JOB
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path), help="(<JobId>.tar.gz)")
@shared
def bundle(job: str, to: Path | None, **flags: Any) -> None:
    """Write one archive of what is known of JOB: request, plan, events, logs, stacks, versions.

    \b
    localdlc bundle last --to ticket.tar.gz

    Without secrets. Look into it all the same before you give it away: what a training writes into
    its log is in it.
    """
    from localdlc.service import bundle as packing

    jobs = noticing(flags)
    file, names = packing.bundle(jobs.config, job, to, texts(jobs, job), jobs.mask)
    click.echo(f"{file}: {', '.join(names)}")


def texts(jobs: Service, job: str) -> Iterator[tuple[str, str]]:
    from localdlc.service.bundle import health, versions
    from localdlc.terminal.failure import failure_lines
    from localdlc.terminal.views import job_text

    view, plan = jobs.get_job(job)
    why = jobs.explain_job(job)
    yield "show.txt", "\n".join([job_text(view, plan), *(failure_lines(why) if why else ()), ""])
    yield "versions.json", versions()
    yield "doctor.json", health(jobs.examine())
