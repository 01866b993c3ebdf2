"""The doctor on the real engine: it finds it well, and leaves nothing."""

from __future__ import annotations

import json
import signal

import docker
import pytest
from engines import CommandLine

pytestmark = pytest.mark.engine

# Those whose state depends on the machine and not on the engine.
MACHINE = {"config", "git", "ssh", "git-lfs", "memory", "home", "gpus", "engine's room", "engine"}


def test_the_engine_of_the_tests_is_well(localdlc: CommandLine) -> None:
    done = localdlc("doctor", "-o", "json")
    told = json.loads(done.text)
    checks = {check["name"]: check for check in told["checks"]}
    assert (done.code, told["ok"]) == (0, True), told
    assert checks["engine"]["state"] in {"ok", "warning"}
    bad = {name for name, check in checks.items() if check["state"] != "ok"}
    assert bad <= MACHINE
    tried = {"subnet", "memory limit", "shm", "mounts", "out of memory", "network", "image"}
    assert tried <= checks.keys()


def test_each_check_is_a_line_and_each_mend_another(localdlc: CommandLine) -> None:
    done = localdlc("doctor", LOCALDLC_KEPE="x")
    lines = done.text.splitlines()
    assert lines[0].startswith("warn  config         LOCALDLC_KEPE has no effect")
    marks = {"ok", "warn", "FAIL", "skip", "->"}
    assert {line.split()[0] for line in lines} <= marks


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_it_is_stopped(
    localdlc: CommandLine, docker_client: docker.APIClient, number: signal.Signals
) -> None:
    going = localdlc.start("doctor", read=True).wait_for("ok    subnet")
    done = going.signal(number).finish()
    assert done.code in {0, 128 + number}
    assert not doctors(docker_client)


def test_what_a_killed_one_leaves_is_swept(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    going = localdlc.start("doctor", PYTHONUNBUFFERED="1").wait_for("ok    memory limit")
    going.signal(signal.SIGKILL).finish()
    localdlc("gc")
    assert not doctors(docker_client)


def doctors(client: docker.APIClient) -> list[str]:
    """Networks of a doctor, and its containers."""
    networks = [network["Name"] for network in client.networks()]
    containers = [c["Names"][0] for c in client.containers(all=True)]
    return [name for name in (*networks, *containers) if "doctor-" in name]
