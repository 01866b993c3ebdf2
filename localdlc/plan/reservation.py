"""JobReservedMinutes: replicas that can be entered for a while after the job has ended.

A container can be entered only while something runs in it. So it is started once more when the
verdict is known, and its command, which looks for a mark at first, waits instead of working.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.model import Mount

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.spec.request import CreateJobRequest

__all__ = ["HOLD", "MARK", "Reservation", "reservation"]

PLACE = "/run/localdlc-reserved"
MARK = "now"
# Ahead of everything that the command does.
HOLD = f"[ ! -e {PLACE}/{MARK} ] || while :; do sleep 3600; done\n"


@dataclass(frozen=True, slots=True)
class Reservation:
    """For how many seconds replicas are held, and after which ends of the job.

    ``folder`` is where the mark is made, which every replica sees.
    """

    seconds: float
    succeeded: bool
    failed: bool
    folder: str

    @property
    def mount(self) -> Mount:
        return Mount(self.folder, PLACE, read_only=True)

    def holds(self, status: str) -> bool:
        return (status == "Succeeded" and self.succeeded) or (status == "Failed" and self.failed)


def reservation(request: CreateJobRequest, config: Config, job_id: str) -> Reservation | None:
    """None when nothing is to be held. Without a policy every end holds."""
    settings = request.Settings
    minutes = settings.JobReservedMinutes if settings else None
    if settings is None or not minutes:
        return None
    policy = settings.JobReservedPolicy or "Always"
    return Reservation(
        seconds=60 * minutes / config.time_scale,
        succeeded=policy != "OnFailure",
        failed=policy != "OnSucceed",
        folder=str(config.job_folder(job_id) / "reserved"),
    )
