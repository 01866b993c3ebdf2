"""A rule of the request that only the job types can judge: who is to be ServiceReady has a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.plan.jobtypes import JOB_TYPES
from localdlc.plan.replicas import Role
from localdlc.plan.startup import SERVICE, port_of
from localdlc.spec.problems import missing
from localdlc.spec.rules.roles import role_types
from localdlc.spec.rules.startup import dependencies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["unknown_ports"]


def unknown_ports(request: CreateJobRequest) -> Iterator[Problem]:
    """Quiet about roles that the job type does not have: another rule reports these."""
    awaited = {asked.Type for _, _, asked in dependencies(request) if asked.OnPhase == SERVICE}
    if not awaited or request.JobType not in JOB_TYPES or any(role_types(request)):
        return
    job_type = JOB_TYPES[request.JobType]
    # Not by `roles_of`, which reads quantities, and these may be wrong.
    roles = tuple(Role(s.Type or "", s.replicas, s) for s in request.JobSpecs if s.replicas > 0)
    for role in job_type.roles(roles, request.Settings) if roles else ():
        if role.spec.Type in awaited and port_of(role, job_type, request.Settings) is None:
            path = f"JobSpecs[{request.JobSpecs.index(role.spec)}].ServiceSpec.DefaultPort"
            sentence = f"is needed: a role waits for {role.type} to be {SERVICE}, and no other "
            yield missing(path, f"{sentence}port of it is known")
