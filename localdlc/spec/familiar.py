"""Spellings that are not a request's own but well known, read as what they mean.

A GetJob answer posted as a request is how people clone a job: it carries members of answers only,
and one member under another name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.problems import note

if TYPE_CHECKING:
    from localdlc.errors import Problem

__all__ = ["TOLERATED", "familiar"]

_JOB_TYPES = {"ElasticBatch": "ElasticBatchJob"}

TOLERATED = {
    "DataSources[].DataSourceType": "is what command-line clients send; the Uri alone decides here",
}
"""Members outside the API's model that real requests carry, and why they do no harm."""

# fmt: off
_ANSWER_ONLY = frozenset({
    "ClusterId", "Duration", "EnablePreemptibleJob", "EnabledDebugger", "GmtCreateTime",
    "GmtFailedTime", "GmtFinishTime", "GmtModifiedTime", "GmtRunningTime", "GmtStoppedTime",
    "GmtSubmittedTime", "GmtSuccessedTime", "IsDeleted", "JobId", "JobReplicaStatuses",
    "NodeCount", "NodeNames", "Pods", "ReasonCode", "ReasonMessage", "RequestCPU", "RequestGPU",
    "RequestId", "RequestMemory", "ResourceLevel", "ResourceName", "ResourceQuotaName",
    "ResourceType", "RestartRecord", "RestartTimes", "RetryCount", "RoleSystemEnvs", "Status",
    "StatusHistory", "SubStatus", "SystemEnvs", "TemplateName", "TenantId", "UseOversoldResource",
    "UserId", "UserScript", "Username", "WorkingDir", "WorkspaceName", "supportedProfilingTypes",
})
# fmt: on


def familiar(tree: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Spell the tree as a request would, with a note for each thing that was read so."""
    notes: list[Problem] = []
    for reading in (_answer_as_request, _answer_vpc, _job_type):
        tree, found = reading(tree)
        notes += [found] if found else []
    return tree, notes


def _answer_as_request(tree: dict[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    names = sorted(_ANSWER_ONLY & tree.keys())
    if not names:
        return tree, None
    sentence = f"members of a GetJob answer are passed over: {', '.join(names)}"
    return {k: v for k, v in tree.items() if k not in _ANSWER_ONLY}, note("", sentence)


def _answer_vpc(tree: dict[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    vpc = tree.get("UserVpc")
    if not isinstance(vpc, dict) or "ExtendedCidrs" not in vpc:
        return tree, None
    given = {k: v for k, v in vpc.items() if k != "ExtendedCidrs"}
    vpc = {"ExtendedCIDRs": vpc["ExtendedCidrs"]} | given
    sentence = "is the spelling of answers; read as ExtendedCIDRs"
    return tree | {"UserVpc": vpc}, note("UserVpc.ExtendedCidrs", sentence)


def _job_type(tree: dict[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    given = tree.get("JobType")
    meant = _JOB_TYPES.get(given) if isinstance(given, str) else None
    if meant is None:
        return tree, None
    return tree | {"JobType": meant}, note("JobType", f"{given} is read as {meant}")
