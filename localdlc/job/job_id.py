"""What a JobId is, and a fresh one."""

from __future__ import annotations

import re

from localdlc.errors import UsageError

__all__ = ["checked_job_id", "fresh_job_id"]

JOB_ID = re.compile(r"dlc[0-9a-z]+(-[0-9a-z]+)*")
LONGEST_JOB_ID = 36


def fresh_job_id() -> str:
    """``dlc`` and 13 of ``[0-9a-z]``, like the cloud's."""
    import secrets
    import string

    letters = string.digits + string.ascii_lowercase
    return "dlc" + "".join(secrets.choice(letters) for _ in range(13))


def checked_job_id(job_id: str | None) -> str:
    if job_id is None:
        return fresh_job_id()
    if not JOB_ID.fullmatch(job_id) or len(job_id) > LONGEST_JOB_ID:
        raise UsageError(
            f"{job_id!r} is no JobId: `dlc`, then digits and lower-case letters, such as "
            f"{fresh_job_id()}."
        )
    return job_id
