"""PyTorchJob: one Master, some Workers, a rendezvous by MASTER_ADDR.

Facts: DLC's page on environment variables; KubeDL's PyTorch controller where DLC is silent.
"""

from __future__ import annotations

from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology, promote_first_worker

MASTER_PORT = 23456


def roles(asked: tuple[Role, ...]) -> tuple[Role, ...]:
    promoted = promote_first_worker(asked, "Master")
    return tuple(sorted(promoted, key=lambda role: role.type != "Master"))


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """WORLD_SIZE counts nodes, not GPUs; RANK is the node's: 0 for the Master, i+1 for Workers."""
    return {
        "MASTER_ADDR": topology.of("Master")[0].pod_id,
        "MASTER_PORT": str(MASTER_PORT),
        "WORLD_SIZE": str(len(topology.members)),
        "RANK": str(topology.members.index(member)),
        "NPROC_PER_NODE": "1",
    }


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """Workers after the Master, as KubeDL's DAG has it."""
    return (StartAfter("master"),) if role.type != "Master" and topology.has("Master") else ()


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """Master and all Workers must end well; SuccessPolicy is TensorFlow's alone."""
    return True


def completed(job_id: str) -> str:
    return f"PyTorchJob {job_id} is successfully completed."
