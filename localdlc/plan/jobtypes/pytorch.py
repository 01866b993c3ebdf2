"""PyTorchJob: one Master, some Workers, a rendezvous by MASTER_ADDR.

Facts: DLC's page on environment variables; KubeDL's PyTorch controller where DLC is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.plan.jobtypes.led import master, roles, script, start_after
from localdlc.plan.replicas import Member, Role, Topology

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

__all__ = ["completed", "decides", "environment", "port", "roles", "script", "start_after"]

MASTER_PORT = 23456


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """WORLD_SIZE counts nodes, not GPUs; RANK is the node's: 0 for the Master, i+1 for Workers."""
    return {
        "MASTER_ADDR": master(topology),
        "MASTER_PORT": str(MASTER_PORT),
        "WORLD_SIZE": str(len(topology.members)),
        "RANK": str(topology.members.index(member)),
        "NPROC_PER_NODE": str(topology.processes(member.role)),
    }


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """Master and all Workers must end well; SuccessPolicy is TensorFlow's alone."""
    return True


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The rendezvous, which the Master alone holds."""
    return MASTER_PORT if role.type == "Master" else None


def completed(job_id: str) -> str:
    return f"PyTorchJob {job_id} is successfully completed."
