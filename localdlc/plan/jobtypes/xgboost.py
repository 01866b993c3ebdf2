"""XGBoostJob: one Master, some Workers; the Master's end is the job's.

Facts: KubeDL's and Kubeflow's XGBoost controllers. The ranks are Kubeflow's: KubeDL gives the
Master and the first Worker the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.plan.jobtypes.led import master, roles, script, start_after
from localdlc.plan.replicas import Member, Role, Topology

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

__all__ = ["completed", "decides", "environment", "port", "roles", "script", "start_after"]

PORT = 9999


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """WORKER_PORT and WORKER_ADDRS tell of the Workers, when there are any."""
    wiring = {
        "MASTER_ADDR": master(topology),
        "MASTER_PORT": str(PORT),
        "WORLD_SIZE": str(len(topology.members)),
        "RANK": str(topology.members.index(member)),
    }
    workers = ",".join(worker.pod_id for worker in topology.of("Worker"))
    return wiring | ({"WORKER_PORT": str(PORT), "WORKER_ADDRS": workers} if workers else {})


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """The Master alone, whatever the Workers do."""
    return member.role.type == "Master"


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The tracker on the Master, and the Workers' own."""
    return PORT


def completed(job_id: str) -> str:
    return f"XGBoostJob {job_id} is successfully completed."
