"""What docker-py raises, as errors of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from localdlc.errors import EngineUnavailable, ImageError, LocaldlcError
from localdlc.run.engine import EngineGone

__all__ = ["FOREIGN", "gone_is_fine", "speaking"]

# Every exception that docker-py lets through, most specific first, and what it means to us.
# tests/docker/test_engine_errors.py fails when a new one of theirs is not covered.
FOREIGN: tuple[tuple[type[Exception], type[LocaldlcError]], ...] = (
    (docker.errors.ImageNotFound, ImageError),
    (docker.errors.DockerException, EngineUnavailable),
    (docker.errors.StreamParseError, EngineUnavailable),
    (requests.exceptions.Timeout, EngineUnavailable),
    (requests.exceptions.ConnectionError, EngineGone),
    (requests.exceptions.RequestException, EngineUnavailable),
    # While a pull or a build is read line by line nobody wraps these.
    (urllib3.exceptions.HTTPError, EngineUnavailable),
    (json.JSONDecodeError, EngineUnavailable),
)


@contextmanager
def speaking(doing: str, instead: type[LocaldlcError] | None = None) -> Iterator[None]:
    """Turns what docker-py raises into our errors: what we were doing, in the engine's words."""
    try:
        yield
    except tuple(theirs for theirs, _ in FOREIGN) as error:
        ours = next(mine for theirs, mine in FOREIGN if isinstance(error, theirs))
        words = getattr(error, "explanation", None) or error
        raise (instead or ours)(f"cannot {doing}: {words}") from error


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """A container that vanished, or is being removed by another process, is as good as removed."""
    try:
        yield
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        if error.status_code != 409 or "already in progress" not in str(error.explanation):
            raise
