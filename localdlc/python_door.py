"""The Python door: what `localdlc.run` does, loaded when it is called."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config import SETTINGS, Config, load_config
from localdlc.errors import UsageError
from localdlc.job.result import Result
from localdlc.record.events import Record
from localdlc.record.view import JobView
from localdlc.service import Service

if TYPE_CHECKING:
    from localdlc.run.engine import Engine
    from localdlc.spec.request import CreateJobRequest

__all__ = ["body", "configured", "run", "tell"]


def run(
    request: str | Path | Mapping[str, Any] | CreateJobRequest,
    on_event: Callable[[Record], object] | None,
    engine: Engine | None,
    job_id: str | None,
    settings: Mapping[str, Any],
) -> Result:
    listeners = [partial(tell, on_event)] if on_event else []
    service = Service(configured(settings), engine)
    try:
        return service.create_job(body(request), job_id=job_id, listeners=listeners)
    finally:
        service.close()


def configured(settings: Mapping[str, Any]) -> Config:
    """Keyword arguments, the environment and the files. Raises `UsageError` for an unknown name."""
    if unknown := settings.keys() - SETTINGS.keys() - {"config"}:
        names = ", ".join(sorted(unknown))
        raise UsageError(f"there is no setting {names}; there are: {', '.join(SETTINGS)}.")
    return load_config(settings, os.environ, Path.cwd())


def tell(on_event: Callable[[Record], object], record: Record, _: JobView) -> None:
    on_event(record)


def body(request: str | Path | Mapping[str, Any] | CreateJobRequest) -> bytes:
    """The request as JSON text. Raises `UsageError` for what is none."""
    if isinstance(request, str | Path):
        try:
            return Path(request).read_bytes()
        except OSError as error:
            raise UsageError(f"{request} cannot be read: {error.strerror}") from error
    if not isinstance(request, Mapping):
        from localdlc.spec import to_json
        from localdlc.spec.request import CreateJobRequest

        if not isinstance(request, CreateJobRequest):
            kind = type(request).__name__
            raise UsageError(
                f"a request is a file, a mapping or a CreateJobRequest, not {request!r} ({kind})."
            )
        request = to_json(request)
    try:
        return json.dumps(request).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"the request cannot be written as JSON: {error}.") from error
