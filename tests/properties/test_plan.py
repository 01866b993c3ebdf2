"""What holds of every plan, whatever is asked."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from itertools import pairwise

from examples import tried
from given import HOME, plan_of
from hypothesis import given
from hypothesis import strategies as st

from localdlc.config import Config
from localdlc.errors import ResourceError
from localdlc.plan.jobtypes import JOB_TYPES
from localdlc.plan.model import Plan
from localdlc.plan.network import choose_subnet
from localdlc.run.containers import hosts

DEFAULT_POOLS = Config(HOME).subnets
PEERS = ("MASTER_ADDR", "RAY_IP", "FQ_RAY_IP")
FEW = tried(40)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any job of a few replicas."""
    leader = draw(st.booleans())
    least = 0 if leader else 1
    job_type = draw(st.sampled_from(list(JOB_TYPES)))
    if job_type != "TFJob":
        led = {"Head" if job_type == "RayJob" else "Master": 1} if leader else {}
        return plan_of({"Worker": draw(st.integers(least, 5)), **led}, job_type)
    policy = draw(st.sampled_from(["AllWorkers", "ChiefWorker", ""]))
    roles: dict[str, int | None] = {"Worker": draw(st.integers(least, 4))}
    if leader:
        roles["Chief"] = 1
        roles |= {role: draw(st.integers(0, 2)) for role in ("PS", "Evaluator", "GraphLearn")}
    else:
        roles |= dict.fromkeys(draw(st.sets(st.sampled_from(["PS", "Evaluator"]))), 1)
    return plan_of(roles, "TFJob", SuccessPolicy=policy)


def upstream(plan: Plan, role: str) -> set[str]:
    return {after.role for r in plan.replicas if r.role == role for after in r.start_after}


@FEW
@given(plans())
def test_somebody_decides_and_nobody_waits_for_ever(plan: Plan) -> None:
    assert any(replica.decides for replica in plan.replicas)
    started: set[str] = set()
    roles = {replica.role for replica in plan.replicas}
    while ready := {role for role in roles - started if upstream(plan, role) <= started}:
        started |= ready
    assert started == roles


@FEW
@given(plans())
def test_names_are_unique_and_every_one_resolves(plan: Plan) -> None:
    subnet = choose_subnet(plan.job_id, len(plan.replicas), DEFAULT_POOLS, ())
    placed = plan.placed(subnet)
    names = hosts(placed)
    assert len({name for name, _ in names}) == len(names) == 3 * len(plan.replicas)
    assert {address for _, address in names} == {r.ip for r in placed.replicas}
    known = {name for name, _ in names}
    for replica in placed.replicas:
        assert {replica.env.get(name, replica.hostname) for name in PEERS} <= known
        cluster = json.loads(replica.env.get("TF_CONFIG", '{"cluster": {}}'))["cluster"]
        assert {at.partition(":")[0] for ats in cluster.values() for at in ats} <= known


@FEW
@given(plans())
def test_ranks_count_from_0_without_a_gap(plan: Plan) -> None:
    if "RANK" in plan.replicas[0].env:
        assert [r.env["RANK"] for r in plan.replicas] == list(map(str, range(len(plan.replicas))))
        assert {r.env["WORLD_SIZE"] for r in plan.replicas} == {str(len(plan.replicas))}


POOLS = st.lists(
    st.builds(
        lambda a, b, prefix: IPv4Network((f"10.{a}.{b}.0", prefix), strict=False),
        st.integers(0, 3),
        st.integers(0, 255),
        st.integers(20, 29),
    ),
    min_size=1,
    max_size=3,
)


@FEW
@given(POOLS, POOLS, st.integers(1, 30), st.text("abc0", min_size=1))
def test_a_subnet_lies_in_a_pool_clear_of_others_with_room_for_all(
    pools: list[IPv4Network], taken: list[IPv4Network], replicas: int, job_id: str
) -> None:
    try:
        subnet = choose_subnet(job_id, replicas, pools, taken)
    except ResourceError:
        return
    assert any(subnet.subnet_of(pool) for pool in pools)
    assert not any(subnet.overlaps(other) for other in taken)
    assert subnet.num_addresses >= replicas + 3  # its own, the gateway's, the broadcast address


@tried(3)
@given(st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9), st.integers(1, 13))
def test_a_hundred_jobs_in_a_row_get_a_subnet_each(stem: str, replicas: int) -> None:
    taken: list[IPv4Network] = []
    for n in range(100):
        taken.append(choose_subnet(f"dlc{stem}{n}", replicas, DEFAULT_POOLS, taken))
    ordered = sorted(taken)
    assert not any(a.overlaps(b) for a, b in pairwise(ordered))
