"""Every way a command can end badly, drawn once.

::

    LocaldlcError                     exit  API code              HTTP
    ├── InvalidRequest                2     InvalidParameter      400
    ├── UsageError                    2     InvalidParameter      400
    ├── NotFound                      2     NotFound              404
    ├── BadRequest                    2     BadRequest            400
    ├── MachineError                  3     ServiceUnavailable    503
    │   ├── EngineUnavailable
    │   ├── ImageError
    │   ├── ResourceError
    │   ├── HomeError
    │   │   └── Unreadable
    │   └── NotEmulated             3     UnsupportedOperation  400
    ├── InputError                    4     InvalidParameter      400
    └── JobNotSucceeded               1     JobFailed             200

A training that fails is an outcome (``JobView.status``), not an exception; only
``Result.raise_for_status`` turns it into `JobNotSucceeded`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "BadRequest",
    "EngineUnavailable",
    "HomeError",
    "ImageError",
    "InputError",
    "InvalidRequest",
    "JobNotSucceeded",
    "LocaldlcError",
    "MachineError",
    "NotEmulated",
    "NotFound",
    "Problem",
    "ResourceError",
    "Unreadable",
    "UsageError",
    "bug",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request.

    ``path`` is where, as in ``JobSpecs[1].PodCount`` ("" is the whole body); ``code`` an API code
    such as ``InvalidParameter``; ``message`` a sentence that says what is allowed.
    """

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class LocaldlcError(Exception):
    """The root: a sentence (what happened, where, what to do), and the codes that go with it.

    ``notes`` are things worth saying beside the ``problems``: a misspelt member, for example.
    """

    exit_code: ClassVar[int] = 70
    api_code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        problems: tuple[Problem, ...] = (),
        notes: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.problems = problems
        self.notes = notes


def bug(error: Exception) -> LocaldlcError:
    """What should not have happened, as an error of ours: exit 70."""
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return LocaldlcError(
        f"a bug in localdlc: {what}. Run it again with --debug and report what it prints."
    )


class InvalidRequest(LocaldlcError):
    """The request breaks the API's rules. Holds every problem; nothing was started."""

    exit_code = 2
    api_code = "InvalidParameter"
    http_status = 400


class UsageError(LocaldlcError):
    """A flag, setting or file of ours is wrong. Nothing was started."""

    exit_code = 2
    api_code = "InvalidParameter"
    http_status = 400


class NotFound(LocaldlcError):
    """No such job, replica or log in this home."""

    exit_code = 2
    api_code = "NotFound"
    http_status = 404


class BadRequest(LocaldlcError):
    """The job is there, but not in a status in which that can be done."""

    exit_code = 2
    api_code = "BadRequest"
    http_status = 400


class MachineError(LocaldlcError):
    """This machine cannot run the job as it stands."""

    exit_code = 3
    api_code = "ServiceUnavailable"
    http_status = 503


class EngineUnavailable(MachineError):
    """No container engine answers, or it went away, or it refused a call."""


class ImageError(MachineError):
    """An image is not there and cannot be pulled or built."""


class ResourceError(MachineError):
    """The job asks for what this machine does not have."""


class HomeError(MachineError):
    """The home cannot be read or written."""


class Unreadable(HomeError):
    """What the home holds of one job makes no sense; others can be read."""


class NotEmulated(MachineError):
    """The request is valid, but holds something that localdlc does not emulate yet."""

    api_code = "UnsupportedOperation"
    http_status = 400


class InputError(LocaldlcError):
    """Data, code or libraries could not be brought."""

    exit_code = 4
    api_code = "InvalidParameter"
    http_status = 400


class JobNotSucceeded(LocaldlcError):
    """Raised by ``Result.raise_for_status`` for a job that ended Failed or Stopped."""

    exit_code = 1
    api_code = "JobFailed"
    http_status = 200
