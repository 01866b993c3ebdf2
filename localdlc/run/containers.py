"""A replica of the plan becomes a container for the engine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from localdlc.plan.model import Plan, ReplicaPlan, Resources
from localdlc.run.engine import ContainerSpec

if TYPE_CHECKING:
    from localdlc.config.gpus import Gpu

__all__ = ["container_of", "hosts", "network_labels"]


def container_of(
    plan: Plan, replica: ReplicaPlan, home: str, hosts: tuple[tuple[str, str], ...], attempt: int
) -> ContainerSpec:
    """``plan`` must be placed. ``home`` is the digest that marks containers as this home's."""
    if replica.ip is None:
        raise ValueError(f"{replica.pod_id} has no address: the plan is not placed")
    return ContainerSpec(
        name=replica.pod_id if attempt == 1 else f"{replica.pod_id}-{attempt}",
        hostname=replica.hostname,
        image=replica.image,
        command=replica.command,
        env=replica.env,
        network=plan.network.name,
        ip=replica.ip,
        # The engine adds its own name itself; named twice, `hostname -i` would answer twice.
        hosts=tuple(pair for pair in hosts if pair[0] != replica.hostname),
        mounts=replica.mounts,
        resources=replica.resources,
        doors=replica.doors,
        gpus=gpus_of(plan, replica),
        one_host=plan.pool is not None and plan.pool.one_host,
        labels={
            **network_labels(plan, home),
            "localdlc.pod": replica.pod_id,
            "localdlc.role": replica.role,
            "localdlc.index": str(replica.index),
            "localdlc.attempt": str(attempt),
            "localdlc.gpus": ",".join(replica.resources.gpus),
            **limits(replica.resources),
        },
    )


def gpus_of(plan: Plan, replica: ReplicaPlan) -> tuple[Gpu, ...]:
    known = {gpu.uuid: gpu for gpu in plan.pool.gpus} if plan.pool else {}
    return tuple(known[uuid] for uuid in replica.resources.gpus)


def limits(resources: Resources) -> dict[str, str]:
    """Cores and bytes, for those who must know what is free."""
    cpus = {} if resources.cpus is None else {"localdlc.cpus": f"{resources.cpus:.10g}"}
    memory = {} if resources.memory is None else {"localdlc.memory": str(resources.memory)}
    return {**cpus, **memory}


def network_labels(plan: Plan, home: str) -> Mapping[str, str]:
    return {"localdlc.job": plan.job_id, "localdlc.home": home}


def hosts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Every name of every replica with its address, for every replica's hosts file.

    The engine's own name service knows a container neither before it starts nor after it exits;
    a hosts file does.
    """
    return tuple(
        (name, replica.ip or "")
        for replica in plan.replicas
        for name in (replica.hostname, *replica.aliases)
    )
