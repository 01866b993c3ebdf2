"""``run``, ``plan`` and ``validate``: what to do with a request."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from localdlc.cli.options import job_options, output, read_body, service, shared, strict
from localdlc.cli.screen import screen

if TYPE_CHECKING:
    from localdlc.run.control import Control

FILE = click.argument("file", metavar="FILE")
VALID = "The request is valid."


@click.command()
@FILE
@job_options
@shared
@output
@click.option("-q", "--quiet", is_flag=True, help="Only the output of replicas and the verdict.")
@click.option("--no-color", is_flag=True, help="No colours (also NO_COLOR).")
@click.option("--detach", is_flag=True, help="Print the JobId and leave the job to itself.")
def run(
    file: str,
    overrides: tuple[str, ...],
    job_id: str | None,
    strict: bool,
    output: str,
    quiet: bool,
    no_color: bool,
    detach: bool,
    **flags: Any,
) -> int:
    """Run the request in FILE (- for standard input) and exit with its verdict.

    \b
    localdlc run job.json --set 'JobSpecs[0].PodCount=2' --map oss://bucket/data/=./data
    """
    jobs = service(flags)
    if detach:
        started = jobs.start_job(read_body(file), overrides, job_id, strict)
        click.echo(json.dumps({"job_id": started}) if output == "json" else started)
        return 0
    reading = jobs.read_job(read_body(file), overrides, job_id, strict)
    from localdlc.run.control import Control

    control = Control()
    shown = screen(jobs, control, output=output, quiet=quiet, no_color=no_color)
    with stopped_by_signals(control), shown as printer:
        return jobs.run_job(reading, [printer], control).exit_code


@click.command()
@FILE
@job_options
@shared
@output
def plan(
    file: str,
    overrides: tuple[str, ...],
    job_id: str | None,
    strict: bool,
    output: str,
    **flags: Any,
) -> None:
    """Print what a run of FILE would do. Touches no engine and fetches nothing.

    Only --resolve cloud asks the cloud what the ids of the request stand for.

    \b
    localdlc plan job.json -o json --gpus shrink
    """
    jobs = service(flags)
    planned = jobs.plan_job(read_body(file), overrides, job_id, strict)
    as_json = json.dumps(jobs.mask.value(planned.to_json()), indent=1)
    click.echo(as_json if output == "json" else jobs.mask.text(str(planned)))


@click.command()
@FILE
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change the request.")
@strict
@shared
@output
def validate(
    file: str, overrides: tuple[str, ...], strict: bool, output: str, **flags: Any
) -> None:
    """List every problem of the request in FILE, then what runs differently here.

    \b
    localdlc validate --strict job.json
    """
    asked, rows = service(flags).validate_job(read_body(file), overrides, strict)
    refused = [row for row in rows if row.treatment == "refused"]
    if output == "json":
        notes = [{"path": n.path, "code": n.code, "message": n.message} for n in asked.notes]
        fidelity = [{"path": r.path, "treatment": r.treatment, "why": r.why} for r in rows]
        body = {"valid": True, "runs_here": not refused, "notes": notes, "fidelity": fidelity}
        click.echo(json.dumps(body, indent=1))
        return
    click.echo("The request is valid, but cannot be run here yet." if refused else VALID)
    for note in asked.notes:
        click.echo(f"note: {note}")
    for row in sorted(rows, key=lambda row: row.treatment != "refused"):
        click.echo(f"{row.treatment:<13} {row.path}: {row.why}")


@contextmanager
def stopped_by_signals(control: Control) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP stops the job, the second kills it, the third leaves.

    A SIGHUP that is ignored stays so: that is what nohup is for. A pager that does not read on
    would keep the job from hearing of it all; after the first signal its output is given up.
    """
    seen: list[int] = []
    from localdlc.terminal.outlet import PATIENCE, give_up

    def handle(number: int, frame: object) -> None:
        seen.append(number)
        if len(seen) == 1:
            control.stop(signal.Signals(number).name)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
        elif len(seen) == 2:
            control.kill()
        else:
            raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, give_up)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("localdlc: left at once. `localdlc gc` removes what is still there.", err=True)
        raise SystemExit(128 + seen[0]) from None
    finally:
        if seen:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
