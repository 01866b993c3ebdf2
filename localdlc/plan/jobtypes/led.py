"""What the types led by a Master share: PyTorchJob, XGBoostJob, OneFlowJob, ElasticBatchJob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.plan.command import Script
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology, promote_first

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

__all__ = ["master", "roles", "script", "start_after"]


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """The Master, then the Workers. Without a Master the first Worker is it."""
    promoted = promote_first(asked, "Worker", "Master")
    return tuple(sorted(promoted, key=lambda role: role.type != "Master"))


def master(topology: Topology) -> str:
    """The name under which every replica reaches the Master, itself included."""
    return topology.of("Master")[0].pod_id


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """Workers after the Master, as KubeDL's DAG has it."""
    return (StartAfter("master"),) if role.type != "Master" else ()


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """Everybody runs UserCommand."""
    return Script(user_command)
