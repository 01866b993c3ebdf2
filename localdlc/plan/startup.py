"""The order of start: which replicas wait for which, when they may start, and when they never can.

Facts: KubeDL's phases, Pending < Running < Succeeded, and its implicit order; DLC's
StartupDependencies go before it. ServiceReady and MinReplicas are inferred from their names.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from localdlc.plan.model import Plan, ReplicaPlan, StartAfter
from localdlc.plan.progress import Progress, succeeded
from localdlc.record.names import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.plan.jobtypes import JobType
    from localdlc.plan.replicas import Role, Topology
    from localdlc.spec.jobspec import StartupDependency
    from localdlc.spec.settings import JobSettings

__all__ = ["SERVICE", "awaited_ports", "may_start", "port_of", "start_after", "unmet"]

SERVICE = "ServiceReady"


def start_after(role: Role, topology: Topology, job_type: JobType) -> tuple[StartAfter, ...]:
    """What the request says, else the order of the job type.

    The latter gives way where it would close a circle with what the request says.
    """
    if role.spec.StartupDependencies:
        return tuple(
            one
            for asked in role.spec.StartupDependencies
            for one in upstreams(asked, topology, job_type)
        )
    own = job_type.start_after(role, topology)
    return tuple(one for one in own if role.name not in before(one.role, topology))


def upstreams(
    asked: StartupDependency, topology: Topology, job_type: JobType
) -> Iterator[StartAfter]:
    """One a role; of a role whose first replica was promoted there are two."""
    roles = [role for role in roles_in(topology) if role.spec.Type == asked.Type]
    least = least_of(asked.MinReplicas, sum(role.count for role in roles))
    phase = asked.OnPhase or "Running"
    for role in roles:
        port = port_of(role, job_type, topology.settings) if phase == SERVICE else None
        yield StartAfter(role.name, phase, min(least, role.count), port)  # type: ignore[arg-type]
        least -= min(least, role.count)


def port_of(role: Role, job_type: JobType, settings: JobSettings | None) -> int | None:
    """Where a replica of the role answers; None when nobody says where."""
    service = role.spec.ServiceSpec
    return (service.DefaultPort if service else None) or job_type.port(role, settings)


def least_of(text: str | None, count: int) -> int:
    """``2`` or ``50%``; all of them where nothing is said."""
    if not text:
        return count
    if text.endswith("%"):
        return ceil(count * float(text[:-1]) / 100)
    return int(text)


def roles_in(topology: Topology) -> list[Role]:
    return [member.role for member in topology.members if member.index == 0]


def before(name: str, topology: Topology) -> set[str]:
    """The roles that start before the role ``name``, by what the request says alone."""
    by_type = {role.spec.Type: role.name for role in roles_in(topology)}
    says = {
        role.name: [by_type.get(asked.Type, "") for asked in role.spec.StartupDependencies]
        for role in roles_in(topology)
    }
    found: set[str] = set()
    waiting = [name]
    while waiting:
        fresh = set(says.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def may_start(plan: Plan, replica: ReplicaPlan, progress: Progress) -> bool:
    """Whether everything ``replica`` starts after has come far enough."""
    return all(
        len(reached(plan, upstream, progress)) >= needed(plan, upstream)
        for upstream in replica.start_after
    )


def unmet(plan: Plan, progress: Progress) -> tuple[str, str] | None:
    """Why a replica that waits will never start, and the PodId that is to blame."""
    for replica in plan.replicas:
        if replica.pod_id in progress.started or replica.pod_id in progress.ended:
            continue
        for upstream in replica.start_after:
            there = reached(plan, upstream, progress)
            hopeless = [
                pod for pod in peers(plan, upstream) if pod in progress.ended and pod not in there
            ]
            if len(peers(plan, upstream)) - len(hopeless) < needed(plan, upstream):
                name = short(hopeless[0], plan.job_id)
                why = (
                    f"Job {plan.job_id} has failed because {replica.role_type} starts after "
                    f"{upstream}, and {name} has ended without."
                )
                return why, hopeless[0]
    return None


def awaited_ports(plan: Plan) -> dict[str, int]:
    """PodIds that others wait for until something answers, and the ports where."""
    return {
        pod: upstream.port
        for replica in plan.replicas
        for upstream in replica.start_after
        if upstream.port
        for pod in peers(plan, upstream)
    }


def peers(plan: Plan, upstream: StartAfter) -> list[str]:
    return [r.pod_id for r in plan.replicas if r.role == upstream.role]


def needed(plan: Plan, upstream: StartAfter) -> int:
    return len(peers(plan, upstream)) if upstream.least is None else upstream.least


def reached(plan: Plan, upstream: StartAfter, progress: Progress) -> set[str]:
    """Who has reached the phase. One that has ended was running, too."""
    there = set(peers(plan, upstream))
    match upstream.phase:
        case "Running":
            return there & (progress.started | progress.ended.keys())
        case "Succeeded":
            return {pod for pod in there if succeeded(progress.ended.get(pod))}
        case _:  # ServiceReady
            return there & progress.answered
