"""ElasticBatchJob: Workers that know who they are and no peers, and a Master that hands out work.

Facts: KubeDL's ElasticBatch controller; roles by DLC's SDK text. The work queue is the program's
own. KubeDL's port for it is 23456.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localdlc.plan.jobtypes.led import roles, script, start_after
from localdlc.plan.replicas import Member, Role, Topology

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

__all__ = ["completed", "decides", "environment", "port", "roles", "script", "start_after"]

PORT = 23456
# Its second letter is small in KubeDL, and so in what programs read.
VARIABLE = "ElASTICBATCH_CONFIG"


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """One compact line of JSON without a cluster: Workers may come and go."""
    task = {"type": member.role.name, "index": member.index}
    config = {"task": task, "environment": "cloud"}
    return {VARIABLE: json.dumps(config, separators=(",", ":"))}


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """All that the request calls Workers, so the promoted one, too; a Master only when alone."""
    asked = {peer.role.spec.Type for peer in topology.members}
    return member.role.spec.Type == "Worker" or "Worker" not in asked


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The work queue on the Master."""
    return PORT if role.type == "Master" else None


def completed(job_id: str) -> str:
    return f"ElasticBatchJob {job_id} is successfully completed."
