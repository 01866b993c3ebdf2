"""How a job ended, as the doors tell it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localdlc.errors import (
    InputError,
    JobNotSucceeded,
    LocaldlcError,
    MachineError,
    NotEmulated,
    NotFound,
)
from localdlc.record.log_file import log_path, read_lines
from localdlc.record.names import short
from localdlc.record.view import JobView, ReplicaView

__all__ = ["Result", "exit_code"]

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 5}
SIGNAL_CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
# What keeps a job from running is the reason of its verdict, and ends `run` as an error.
ERROR_CODES = {error.api_code: error.exit_code for error in (InputError, MachineError, NotEmulated)}
# Its supervisor was killed, or could not go on in a home that is full: no fault of the job's.
ERROR_CODES["SupervisorLost"] = MachineError.exit_code


@dataclass(frozen=True)
class Result:
    """How a job ended. ``replicas`` is keyed by short names such as ``worker-0``, as planned."""

    job_id: str
    view: JobView
    folder: Path

    @property
    def status(self) -> str:
        return self.view.status

    @property
    def exit_code(self) -> int:
        """The contract's exit code for this end."""
        return exit_code(self.view)

    @property
    def replicas(self) -> dict[str, ReplicaView]:
        return {short(pod, self.job_id): replica for pod, replica in self.view.replicas.items()}

    def logs(self, replica: str, attempt: int | None = None) -> list[str]:
        """All lines of one replica, of its latest attempt unless told otherwise.

        Raises `NotFound` for an unknown one.
        """
        known = self.replicas.get(replica)
        if known is None:
            names = ", ".join(self.replicas) or "none"
            raise NotFound(f"{self.job_id} has no replica {replica}; there are: {names}.")
        path = log_path(self.folder, known.pod_id, attempt or known.attempt)
        if not path.exists():
            return []
        return [text.decode("utf-8", "backslashreplace") for _, _, text in read_lines(path)]

    def raise_for_status(self) -> None:
        """Raises `JobNotSucceeded` unless the job has succeeded."""
        if self.status != "Succeeded":
            raise JobNotSucceeded(f"{self.job_id} ended {self.status}: {self.view.reason_message}")


def exit_code(view: JobView) -> int:
    """The contract's, of a job that has ended: of its verdict, or of the error that ended it."""
    by = view.stop_requested_by or ""
    if view.status == "Stopped":
        return SIGNAL_CODES.get(by, EXIT_CODES["Stopped"])
    if view.reason_code == LocaldlcError.api_code:  # a bug, or somebody was gone at once
        return SIGNAL_CODES.get(by, LocaldlcError.exit_code)
    return ERROR_CODES.get(view.reason_code, EXIT_CODES[view.status])
