"""What many tests start from: a request, and its plan on a machine of 8 cores and 16 GiB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.plan.build import build_plan
from localdlc.plan.gpus import Inventory
from localdlc.plan.model import Plan
from localdlc.plan.progress import Ended
from localdlc.plan.resources import Host
from localdlc.record.events import ReplicaExited
from localdlc.spec import read_request

JOB_ID = "dlc1local0000001"
HOME = Path("/home/ann/.localdlc")
HOST = Host(cpus=8, memory=16 << 30)


def request(
    roles: Mapping[str, int | None], job_type: str = "PyTorchJob", **members: Any
) -> dict[str, Any]:
    """A CreateJob body. A role whose count is None has no PodCount."""
    counts = {role: {} if count is None else {"PodCount": count} for role, count in roles.items()}
    specs = [{"Type": role, **count, "Image": "img:1"} for role, count in counts.items()]
    head = {"DisplayName": "job", "JobType": job_type, "UserCommand": "python train.py"}
    return {**head, "JobSpecs": specs, **members}


def planned(
    body: Mapping[str, Any], job_id: str = JOB_ID, here: Sequence[Gpu] = (), **settings: Any
) -> Plan:
    """The plan of a body that passes `check`, on a machine that has the GPUs ``here``, too."""
    asked = read_request(json.dumps(body).encode())
    host = replace(HOST, gpus=Inventory(tuple(here), "the machine of this test has none"))
    return build_plan(asked.request, Config(**{"home": HOME, **settings}), job_id, host)


def cards(count: int, name: str = "NVIDIA A100-SXM4-80GB", **members: Any) -> list[Gpu]:
    """So many GPUs alike: GPU-0, GPU-1, …"""
    return [Gpu(n, f"GPU-{n}", name, 80 << 30, **members) for n in range(count)]


def plan_of(
    roles: Mapping[str, int | None],
    job_type: str = "PyTorchJob",
    job_id: str = JOB_ID,
    **members: Any,
) -> Plan:
    return planned(request(roles, job_type, **members), job_id)


def short(pod_id: str, job_id: str = JOB_ID) -> str:
    """``worker-0``"""
    return pod_id.removeprefix(f"{job_id}-")


def exited(plan: Plan, codes: Mapping[str, int], *, ours: bool = False) -> dict[str, Ended]:
    """Ends by short name and in this order, a second apart: ``exited(plan, {"worker-0": 1})``."""
    ends: dict[str, Ended] = {}
    for second, (name, code) in enumerate(codes.items()):
        pod_id = f"{plan.job_id}-{name}"
        finished = datetime(2026, 1, 1, second=second, tzinfo=UTC)
        ends[pod_id] = ReplicaExited(pod_id, 1, code, False, None, ours, finished)
    return ends
