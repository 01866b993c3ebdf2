"""Runs a PAI-DLC CreateJob request unchanged on this machine, one container per replica.

::

    import localdlc

    result = localdlc.run("job.json", on_event=print)
    result.raise_for_status()

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The room `localdlc.run` and the function below share a name. Loading the room puts it in the
# function's place, so it is loaded first, once; it is empty, its modules are not loaded.
import localdlc.run  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localdlc.job.result import Result
    from localdlc.record.events import Record
    from localdlc.run.engine import Engine
    from localdlc.spec.request import CreateJobRequest

__all__ = ["run"]


def run(
    request: str | Path | Mapping[str, Any] | CreateJobRequest,
    *,
    on_event: Callable[[Record], object] | None = None,
    engine: Engine | None = None,
    job_id: str | None = None,
    **settings: Any,
) -> Result:
    """Runs a request (a file, a dict or a `CreateJobRequest`) to its verdict and returns it.

    ``settings`` are those of localdlc.toml and the command line, such as ``home``, ``map``,
    ``image_map``, ``grace`` (seconds), ``keep``. ``on_event`` is called with every `Record` as it
    happens, on this thread. A training that fails is a `Result`; raises `LocaldlcError` when the
    job could not run at all.
    """
    from localdlc import python_door

    return python_door.run(request, on_event, engine, job_id, settings)
