"""A job's own small subnet: where it lies, and what is said when there is none."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from given import HOME

from localdlc.config import Config
from localdlc.errors import ResourceError
from localdlc.plan.network import choose_subnet, prefix_for

POOLS = Config(HOME).subnets


@pytest.mark.parametrize(
    ("replicas", "prefix"), [(1, 30), (2, 29), (5, 29), (6, 28), (13, 28), (14, 27), (256, 23)]
)
def test_a_subnet_is_as_small_as_its_replicas_allow(replicas: int, prefix: int) -> None:
    assert prefix_for(replicas) == prefix


def test_a_job_looks_from_the_place_that_its_id_gives() -> None:
    chosen = {choose_subnet(f"dlc{n:013}", 3, POOLS, ()) for n in range(50)}
    assert len(chosen) > 45
    assert choose_subnet("dlc1", 3, POOLS, ()) == choose_subnet("dlc1", 3, POOLS, ())


def test_a_full_pool_leads_to_the_next() -> None:
    pools = (IPv4Network("10.0.0.0/29"), IPv4Network("10.1.0.0/29"))
    assert choose_subnet("dlc1", 5, pools, pools[:1]) == pools[1]


def test_a_pool_too_small_is_passed_over() -> None:
    pools = (IPv4Network("10.0.0.0/30"), IPv4Network("10.1.0.0/28"))
    assert choose_subnet("dlc1", 10, pools, ()) == pools[1]


def test_no_room_says_where_it_was_looked_for_and_what_to_do() -> None:
    pool = IPv4Network("10.0.0.0/24")
    with pytest.raises(ResourceError, match=r"10\.0\.0\.0/24.*localdlc\.toml: subnets = "):
        choose_subnet("dlc1", 3, (pool,), (IPv4Network("10.0.0.0/8"),))
