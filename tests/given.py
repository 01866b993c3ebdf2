"""What many tests start from: a request, and its plan on a machine of 8 cores and 16 GiB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localdlc.config import Config
from localdlc.plan.build import build_plan
from localdlc.plan.model import Plan
from localdlc.plan.resources import Host
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


def planned(body: Mapping[str, Any], job_id: str = JOB_ID, **settings: Any) -> Plan:
    """The plan of a body that passes `check`."""
    asked = read_request(json.dumps(body).encode())
    return build_plan(asked.request, Config(**{"home": HOME, **settings}), job_id, HOST)


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
