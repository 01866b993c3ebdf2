"""``wait``, ``stop`` and ``rm``: jobs that run, and jobs that have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import JOB, noticing, output, service, shared
from localdlc.errors import BadRequest, LocaldlcError, UsageError

if TYPE_CHECKING:
    from localdlc.record.view import JobView

__all__ = ["rm", "stop", "wait"]


@click.command()
@JOB
@shared
@output
def wait(job: str, output: str, **flags: Any) -> int:
    """Wait until JOB has ended, and exit as `run` would have.

    \b
    localdlc wait $(localdlc run job.json --detach)
    """
    view = noticing(flags).wait_job(job)
    say(view, output)
    from localdlc.job.result import exit_code

    return exit_code(view)


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "everything", is_flag=True, help="All jobs of this home that run.")
@click.option("--kill", is_flag=True, help="SIGKILL at once: no PreStop, no grace.")
@shared
@output
def stop(jobs: tuple[str, ...], everything: bool, kill: bool, output: str, **flags: Any) -> None:
    """Stop each JOB: PreStop, SIGTERM, grace, SIGKILL. Returns when all of it is gone.

    \b
    localdlc stop last
    localdlc stop --all
    """
    living = service(flags)
    if bool(jobs) == everything:
        raise UsageError("name the jobs to stop, or say --all")

    def stop_one(name: str) -> None:
        try:
            say(living.stop_job(name, kill=kill), output)
        except BadRequest:
            if not everything:  # else it has ended meanwhile, which is what is wanted
                raise

    each(jobs or living.running_jobs(), stop_one)


@click.command()
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@shared
def rm(jobs: tuple[str, ...], **flags: Any) -> None:
    """Remove each JOB that has ended: its records, its logs, and containers that it kept.

    \b
    localdlc rm dlc2648by1dq47sn
    """
    living = noticing(flags)
    each(jobs, lambda name: click.echo(f"removed {living.delete_job(name)}"))


def each(names: Iterable[str], do: Callable[[str], None]) -> None:
    """Every one, whatever is wrong with others. What that was is told, the last of it raised."""
    failed: list[LocaldlcError] = []
    for name in names:
        try:
            do(name)
        except LocaldlcError as error:
            failed.append(error)
    for earlier in failed[:-1]:
        click.echo(f"localdlc: {earlier}", err=True)
    if failed:
        raise failed[-1]


def say(view: JobView, output: str) -> None:
    if output == "json":
        told = {"job_id": view.job_id, "status": view.status, "reason_code": view.reason_code}
        click.echo(json.dumps({**told, "reason_message": view.reason_message}))
    else:
        click.echo(f"{view.job_id} {view.status}: {view.reason_message}".rstrip(": "))
