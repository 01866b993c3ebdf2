"""The job's own network: a free subnet, taken before anybody else takes it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from localdlc.errors import EngineUnavailable
from localdlc.plan.model import Plan
from localdlc.plan.network import choose_subnet
from localdlc.run.containers import network_labels
from localdlc.run.engine import Engine, SubnetTaken

__all__ = ["make_network"]

TRIES = 20


def make_network(engine: Engine, plan: Plan, pools: Sequence[IPv4Network], home: str) -> Plan:
    """Creates the network and returns the plan with every address fixed.

    Between looking and creating another process may take the same subnet; then it looks again.
    """
    for _ in range(TRIES):
        taken = engine.taken_subnets()
        subnet = choose_subnet(plan.job_id, len(plan.replicas), pools, taken)
        try:
            engine.create_network(plan.network.name, subnet, network_labels(plan, home))
        except SubnetTaken:
            continue
        return plan.placed(subnet)
    raise EngineUnavailable(f"no free subnet for {plan.network.name} after {TRIES} tries")
