"""Subnets: small, clear of everything that is there, and never used up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import docker
import pytest
from engines import CommandLine, as_json, job

from localdlc.config import Config
from localdlc.plan.model import Plan
from localdlc.record.store import home_digest
from localdlc.run.docker_engine import DockerEngine, connect
from localdlc.run.network import make_network
from localdlc.service import Service

pytestmark = pytest.mark.engine

HELD = 40
IN_A_ROW = 60


@contextmanager
def network(engine: DockerEngine, config: Config, number: int) -> Iterator[Plan]:
    plan = Service(config).plan_job(as_json(job("true")), job_id=f"dlcnet{number}")
    yield make_network(engine, plan, config.subnets, home_digest(config.home))
    engine.remove_network(plan.network.name)


def test_a_hundred_networks_in_a_row_and_forty_at_once_use_nothing_up(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home")
    with closing(connect(os.environ)) as engine, ExitStack() as stack:
        held = [stack.enter_context(network(engine, config, n)) for n in range(HELD)]
        assert len({plan.network.subnet for plan in held}) == HELD
        for n in range(IN_A_ROW):
            with network(engine, config, HELD + n) as plan:
                assert plan.network.subnet


@pytest.fixture
def foreign_network(docker_client: docker.APIClient) -> Iterator[IPv4Network]:
    subnet = IPv4Network("10.254.80.0/29")
    pool = docker.types.IPAMPool(subnet=str(subnet))
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    made = docker_client.create_network("somebody-elses", driver="bridge", ipam=ipam)
    yield subnet
    docker_client.remove_network(made["Id"])


def test_a_job_goes_round_a_network_that_is_there(
    localdlc: CommandLine, foreign_network: IPv4Network
) -> None:
    done = localdlc.run(job("true"), "-o", "json", LOCALDLC_SUBNETS="10.254.80.0/28")
    assert done.code == 0
    # Which of the two that are left is for the job's id to say.
    left = IPv4Network("10.254.80.8/29")
    assert IPv4Address(done.of("ReplicaStarted")[0]["ip"]) in left


def test_a_pool_without_room_is_named_and_nothing_is_taken_from_others(
    localdlc: CommandLine, foreign_network: IPv4Network, docker_client: docker.APIClient
) -> None:
    done = localdlc.run(job("true"), LOCALDLC_SUBNETS=str(foreign_network))
    assert done.code == 3
    assert "no free subnet for 1 replicas in 10.254.80.0/29" in done.err
    assert docker_client.networks(names=["somebody-elses"])


def test_a_route_of_the_host_is_taken(tmp_path: Path) -> None:
    route = ("blackhole", "10.254.81.0/24")
    if subprocess.run(["ip", "route", "add", *route], capture_output=True).returncode:
        pytest.skip("routes cannot be added here")
    try:
        with closing(connect(os.environ)) as engine:
            assert IPv4Network("10.254.81.0/24") in engine.taken_subnets()
    finally:
        subprocess.run(["ip", "route", "del", *route], check=True)


def test_a_network_of_the_jobs_name_that_is_not_ours_stays(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    made = docker_client.create_network("localdlc-dlctaken")
    try:
        done = localdlc.run(job("true"), "--job-id", "dlctaken")
        assert done.code == 3
        assert "localdlc-dlctaken already exists" in done.err
        assert docker_client.inspect_network(made["Id"])
    finally:
        docker_client.remove_network(made["Id"])
