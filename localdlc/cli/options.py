"""Options that several commands share, and how a request and a configuration are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from localdlc.errors import UsageError

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.service import Service

__all__ = [
    "JOB",
    "apply",
    "job_options",
    "noticing",
    "output",
    "read_body",
    "service",
    "shared",
    "strict",
]

F = TypeVar("F", bound=Callable[..., Any])

# Far beyond the 65,536 bytes of the API, and far from filling the memory.
LARGEST_FILE = 1 << 20


def apply(options: list[Callable[[F], F]]) -> Callable[[F], F]:
    """One decorator of all of them, which are shown in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


JOB = click.argument("job", metavar="JOB")

shared = apply(
    [
        click.option("--home", metavar="DIR", help="Where jobs are kept (~/.localdlc)."),
        click.option("--config", metavar="FILE", help="Use this localdlc.toml."),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    ]
)

output = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print.",
)

strict = click.option(
    "--strict", is_flag=True, help="Members that are unknown or have no effect here are errors."
)

job_options = apply(
    [
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="PATH=VALUE",
            help="Change the request, e.g. JobSpecs[0].PodCount=2.",
        ),
        strict,
        click.option("--job-id", metavar="ID", help="Use this JobId instead of a fresh one."),
        click.option(
            "--map", multiple=True, metavar="URI=DIR", help="Take a data source from a folder."
        ),
        click.option(
            "--sample", metavar="N", help="Fetch a part of the data: 100files, 512MB or 1%."
        ),
        click.option(
            "--code-dir", metavar="DIR", help="Run the code in this folder as it is, without git."
        ),
        click.option(
            "--image-map", multiple=True, metavar="FROM=TO", help="Run another image instead."
        ),
        click.option(
            "--pull", type=click.Choice(["missing", "always", "never"]), help="Pull images."
        ),
        click.option(
            "--resolve",
            type=click.Choice(["local", "cloud"]),
            help="Who knows what ids stand for: localdlc.toml, or else the cloud.",
        ),
        click.option(
            "--credentials",
            metavar="PROFILE",
            help="Let the job have temporary keys of this profile of ~/.aliyun/config.json.",
        ),
        click.option(
            "--dashboard",
            is_flag=False,
            flag_value="8265",
            metavar="[PORT]",
            help="Let Ray's dashboard answer at this port of 127.0.0.1 (8265).",
        ),
        click.option("--offline", is_flag=True, default=None, help="Use no network."),
        click.option(
            "--keep",
            type=click.Choice(["never", "failed", "always"]),
            help="Keep containers after the end.",
        ),
        click.option(
            "--write-back",
            is_flag=True,
            default=None,
            help="Upload what a job that succeeded wrote over fetched data.",
        ),
        click.option(
            "--allow-host-path",
            multiple=True,
            metavar="PATH",
            help="Mount this place of the machine although it matters.",
        ),
        click.option(
            "--allow-privileged",
            is_flag=True,
            default=None,
            help="Let containers have rights that give this machine away.",
        ),
        click.option(
            "--resources",
            type=click.Choice(["share", "exact"]),
            help="If more is asked for than there is: share it out, or do not run.",
        ),
        click.option(
            "--no-wait",
            is_flag=True,
            default=None,
            help="Do not run what would have to wait for GPUs that other jobs have.",
        ),
        click.option(
            "--gpus",
            type=click.Choice(["strict", "share", "shrink", "none"]),
            help="If more GPUs are asked for than there are: do not run, let replicas share,"
            " run fewer and smaller ones. Or run without any.",
        ),
        click.option("--gpu-devices", metavar="0,1|UUID,…", help="Give jobs these GPUs only."),
        click.option("--nproc", metavar="N", help="NPROC_PER_NODE: the GPUs of a replica, or N."),
        click.option(
            "--nccl",
            type=click.Choice(["isolated", "same-host"]),
            help="NCCL sees replicas as nodes, or as processes that share memory.",
        ),
        click.option(
            "--hang-timeout",
            metavar="DURATION",
            help="Take all stacks when no replica has written anything for so long (60s, 5m).",
        ),
        click.option(
            "--on-hang",
            type=click.Choice(["go-on", "stop"]),
            help="What becomes of the job then (stop).",
        ),
        click.option(
            "--debug-replica",
            multiple=True,
            metavar="REPLICA[:PORT]",
            help="Let its Python wait for a debugger at this port of 127.0.0.1 (5678).",
        ),
        click.option(
            "--fault",
            multiple=True,
            metavar="REPLICA:WHAT@WHEN",
            help="Rehearse a fault: kill, preempt, oom, pause, net-cut, net-delay=100ms.",
        ),
        click.option(
            "--metrics",
            type=click.Choice(["on", "off"]),
            help="Sample what replicas use, from the third second on.",
        ),
        click.option("--grace", metavar="SECONDS", help="Between SIGTERM and SIGKILL."),
        click.option(
            "--time-scale",
            metavar="N",
            help="Minutes of the request pass N times as fast: 60 makes them seconds.",
        ),
    ]
)


def configured(flags: dict[str, Any]) -> Config:
    from localdlc.config import load_config, strangers

    for stranger in strangers(os.environ):
        click.echo(f"note: {stranger}", err=True)
    return load_config(flags, os.environ, Path.cwd())


def service(flags: dict[str, Any]) -> Service:
    """The service for these flags, the environment and the working directory."""
    from localdlc.service import Service

    return Service(configured(flags), mask=click.get_current_context().obj)


def noticing(flags: dict[str, Any]) -> Service:
    """The same; a job of this home that has lost its supervisor is told, and seen to."""
    jobs = service(flags)
    for job_id in jobs.notice():
        click.echo(f"note: {job_id} has lost its supervisor; it is seen to.", err=True)
    return jobs


def read_body(name: str) -> bytes:
    """The bytes of a request file, or of standard input for ``-``. Raises `UsageError`."""
    if name == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed; name a request file.")
        return bounded(sys.stdin.buffer.read(LARGEST_FILE + 1), "standard input")
    path = Path(name)
    try:
        with path.open("rb") as file:
            return bounded(file.read(LARGEST_FILE + 1), name)
    except IsADirectoryError as error:
        inside = path / "job.json"
        hint = f" Did you mean {inside}?" if inside.exists() else ""
        raise UsageError(f"{name} is a folder, not a request file.{hint}") from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.{neighbour(path)}") from error
    except ValueError as error:  # a NUL byte in the name
        raise UsageError(f"{name!r} is no file name: {error}") from error


def bounded(data: bytes, name: str) -> bytes:
    if len(data) > LARGEST_FILE:
        raise UsageError(
            f"{name} is larger than 1 MiB; a CreateJob request may have 65,536 bytes. "
            "Is it the right file?"
        )
    return data


def neighbour(path: Path) -> str:
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, 1)
    return f" Did you mean {path.parent / close[0]}?" if close else ""
