"""OneFlowJob: PyTorchJob's roles, variables and rule of success, under its own name.

Facts: the roles are in DLC's SDK text, the rest is inferred: OneFlow's launcher reads the variables
of PyTorch's.
"""

from __future__ import annotations

from localdlc.plan.jobtypes.pytorch import decides, environment, port, roles, script, start_after

__all__ = ["completed", "decides", "environment", "port", "roles", "script", "start_after"]


def completed(job_id: str) -> str:
    return f"OneFlowJob {job_id} is successfully completed."
