"""Roles become members: who exists, under which name, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from localdlc.plan.ask import ask_of

if TYPE_CHECKING:
    from fractions import Fraction

    from localdlc.plan.resources import Host
    from localdlc.spec.jobspec import JobSpec
    from localdlc.spec.settings import JobSettings


@dataclass(frozen=True, slots=True)
class Role:
    """One role as it will run: its ``Type``, how many replicas, and the JobSpec it came from.

    Each replica has ``gpus``, or a part of one.
    """

    type: str
    count: int
    spec: JobSpec
    gpus: Fraction | int = 0

    @property
    def name(self) -> str:
        """The role as it stands in pod ids."""
        return self.type.lower()


@dataclass(frozen=True, slots=True)
class Member:
    """One replica-to-be: ``pod_id`` is its PodId, container name and hostname."""

    role: Role
    index: int
    pod_id: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All members of a job, in rank order, and the namespace of their service names.

    ``host`` is this machine; ``settings`` are the request's, for the types that they steer.
    ``nproc`` is how many processes the user wants in each replica.
    """

    job_id: str
    namespace: str
    members: tuple[Member, ...]
    host: Host
    settings: JobSettings | None = None
    nproc: int | None = None

    def processes(self, role: Role) -> int:
        """How many a replica of the role runs: one a GPU that it sees, or one."""
        return self.nproc or ceil(role.gpus) or 1

    def of(self, *role_types: str) -> tuple[Member, ...]:
        return tuple(m for m in self.members if m.role.type in role_types)

    def has(self, *role_types: str) -> bool:
        return bool(self.of(*role_types))


def roles_of(specs: Iterable[JobSpec]) -> tuple[Role, ...]:
    """The roles of a request that have replicas, in its order. A missing PodCount is one."""
    roles = (
        Role(s.Type or "", 1 if s.PodCount is None else s.PodCount, s, ask_of(s).gpus)
        for s in specs
    )
    return tuple(role for role in roles if role.count > 0)


def promote_first(roles: Sequence[Role], follower: str, leader: str) -> tuple[Role, ...]:
    """N replicas of ``follower`` become one ``leader`` and N-1 followers, unless there is one.

    DLC's rule for PyTorchJob and its kin (SDK JobSpec text; real responses show ``…-master-0`` for
    a job of one Worker); KubeDL's console does the same. The role keeps its JobSpec.
    """
    if any(role.type == leader for role in roles):
        return tuple(roles)
    promoted: list[Role] = []
    for role in roles:
        if role.type == follower:
            promoted.append(replace(role, type=leader, count=1))
            role = replace(role, count=role.count - 1)
        if role.count:
            promoted.append(role)
    return tuple(promoted)


def members_of(job_id: str, roles: Sequence[Role]) -> tuple[Member, ...]:
    """Every replica, role by role, index by index."""
    return tuple(
        Member(role, index, pod_id(job_id, role.name, index))
        for role in roles
        for index in range(role.count)
    )


def own_command(member: Member, topology: Topology) -> str:
    """What the role itself is to run where the first replica runs UserCommand; "" for no more.

    What is said of a role that this one was promoted from is said of the leader.
    """
    spec = member.role.spec
    return "" if spec is topology.members[0].role.spec else spec.UserCommand or ""


def pod_id(job_id: str, role: str, index: int) -> str:
    """``<JobId>-<role>-<index>``, the name that DLC shows and that peers resolve."""
    return f"{job_id}-{role}-{index}"


def aliases(member: Member, topology: Topology) -> tuple[str, ...]:
    """The service names beside the PodId itself, as a Kubernetes headless service gives them.

    With ServiceMode PerRole a name of the role stands for all of its replicas.
    """
    service = member.role.spec.ServiceSpec
    per_role = service is not None and service.ServiceMode == "PerRole"
    role = f"{topology.job_id}-{member.role.name}"
    return (*qualified(member.pod_id, topology), *((role, *qualified(role, topology)) * per_role))


def qualified(name: str, topology: Topology) -> tuple[str, ...]:
    return (f"{name}.{topology.namespace}", f"{name}.{topology.namespace}.svc")
