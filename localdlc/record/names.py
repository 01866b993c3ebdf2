"""How replicas are called where their job is known: ``worker-0`` for ``<JobId>-worker-0``."""

from __future__ import annotations

from typing import Protocol

__all__ = ["attempt_name", "attempted", "short"]


class Attempt(Protocol):
    """One attempt of a replica, whatever else is known of it."""

    @property
    def pod_id(self) -> str: ...

    @property
    def attempt(self) -> int: ...


def short(pod_id: str, job_id: str) -> str:
    """What does not begin with the JobId stays as it is."""
    return pod_id.removeprefix(f"{job_id}-")


def attempt_name(one: Attempt, job_id: str) -> str:
    """``worker-0``, and from its second attempt on ``worker-0/2``"""
    return attempted(short(one.pod_id, job_id), one.attempt)


def attempted(name: str, attempt: int) -> str:
    return name if attempt == 1 else f"{name}/{attempt}"
