"""TFJob: Chief, Workers, PS, Evaluator and GraphLearn, wired by TF_CONFIG.

Facts: DLC's page on environment variables; KubeDL's TensorFlow controller where DLC is silent.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from localdlc.plan.command import Script
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

PORT = 2222
ORDER = ("Chief", "Worker", "PS", "Evaluator", "GraphLearn")


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """A job of a single Worker becomes a single Chief (KubeDL's and arena's submitters agree)."""
    if [(role.type, role.count) for role in asked] == [("Worker", 1)]:
        return (replace(asked[0], type="Chief"),)
    return tuple(sorted(asked, key=lambda role: ORDER.index(role.type)))


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """TF_CONFIG as one compact line; none when the whole job is one replica."""
    if len(topology.members) == 1:
        return {}
    config = {
        "cluster": cluster(topology),
        "task": {"type": member.role.name, "index": member.index},
        "environment": "cloud",
    }
    return {"TF_CONFIG": json.dumps(config, separators=(",", ":"))}


def cluster(topology: Topology) -> dict[str, list[str]]:
    """Role to endpoints, roles in alphabetical order.

    An Evaluator reads checkpoints and belongs to no cluster: TensorFlow refuses one in there.
    """
    listed = [m for m in topology.members if m.role.type != "Evaluator"]
    return {
        name: [f"{m.pod_id}.{topology.namespace}.svc:{PORT}" for m in listed if m.role.name == name]
        for name in sorted({m.role.name for m in listed})
    }


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """Chief and Workers after the parameter servers, as KubeDL's DAG has it."""
    waits = role.type in {"Chief", "Worker"} and topology.has("PS")
    return (StartAfter("ps"),) if waits else ()


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """Everybody runs UserCommand."""
    return Script(user_command)


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """The table of SuccessPolicy: who has to exit 0 for the job to succeed.

    ChiefWorker: the Chief, or Worker 0 where there is none. AllWorkers: the Chief and every Worker.
    PS, Evaluator and GraphLearn never decide.
    """
    if success_policy != "ChiefWorker":
        return member.role.type in {"Chief", "Worker"}
    if topology.has("Chief"):
        return member.role.type == "Chief"
    return member.role.type == "Worker" and member.index == 0


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The gRPC server of TF_CONFIG's cluster; an Evaluator is none of it."""
    return None if role.type == "Evaluator" else PORT


def completed(job_id: str) -> str:
    return f"TFJob {job_id} successfully completed."
