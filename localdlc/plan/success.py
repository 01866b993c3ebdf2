"""Whose end makes the job's: SuccessPolicy, IsChief and ConsiderInSuccessPolicy.

DLC documents the policy for TFJob alone, and of the flags of a role no more than their names: a
chief is whom ChiefWorker asks for, in any type; under Partial the roles that are flagged count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localdlc.plan.jobtypes import JobType
    from localdlc.plan.replicas import Member, Topology

__all__ = ["counts", "decides"]


def decides(member: Member, topology: Topology, job_type: JobType, policy: str) -> bool:
    """Whether the job needs this member to end well in order to succeed."""
    spec = member.role.spec
    if policy == "Partial":
        return bool(spec.ConsiderInSuccessPolicy)
    if policy == "ChiefWorker" and any(peer.role.spec.chief for peer in topology.members):
        return spec.chief
    return job_type.decides(member, topology, policy)


def counts(member: Member, policy: str) -> bool:
    """Whether the member's failure is the job's."""
    return not (policy == "Partial" and member.role.spec.ConsiderInSuccessPolicy is False)
