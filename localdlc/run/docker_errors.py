"""What docker-py raises, as errors of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from localdlc.errors import EngineUnavailable, ImageError, LocaldlcError, ResourceError
from localdlc.run.engine import EngineGone

__all__ = ["FOREIGN", "gone_is_fine", "speaking", "starting"]

# As Docker says it with and without its userland proxy.
PORT_TAKEN = re.compile(r"127\.0\.0\.1:(\d+).*(?:address already in use|port is already allocated)")

# Every exception that docker-py lets through, most specific first, and what it means to us.
# tests/docker/test_engine_errors.py fails when a new one of theirs is not covered.
FOREIGN: tuple[tuple[type[Exception], type[LocaldlcError]], ...] = (
    (docker.errors.ImageNotFound, ImageError),
    (docker.errors.DockerException, EngineUnavailable),
    (docker.errors.StreamParseError, EngineUnavailable),
    (requests.exceptions.Timeout, EngineUnavailable),
    (requests.exceptions.ConnectionError, EngineGone),
    (requests.exceptions.ChunkedEncodingError, EngineGone),  # in the middle of an answer
    (requests.exceptions.RequestException, EngineUnavailable),
    # While a pull or a build is read line by line nobody wraps these.
    (urllib3.exceptions.HTTPError, EngineUnavailable),
    (json.JSONDecodeError, EngineGone),  # before the beginning of one
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
def starting() -> Iterator[None]:
    """What the engine says when it cannot start a container is often of this machine."""
    try:
        yield
    except EngineUnavailable as error:
        if taken := PORT_TAKEN.search(str(error)):
            raise ResourceError(
                f"port {taken[1]} of 127.0.0.1, where the job is to answer, is taken. "
                "Choose another: --dashboard PORT, --debug-replica REPLICA:PORT."
            ) from error
        from localdlc.run.docker_gpus import not_given

        if refused := not_given(error):
            raise refused from error
        raise


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
