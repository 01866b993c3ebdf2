"""Jobs of several homes that want the same GPUs of one engine.

The GPUs are written down, and made of a device file that every machine has.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import pytest
from engines import CommandLine, Done, Going, job

pytestmark = pytest.mark.engine

FIRST = f"dlcqueue{uuid4().hex[:8]}"
WORKS = "echo working; exec sleep 600"


def wanting(gpus: int, command: str = "true", **members: Any) -> dict[str, Any]:
    body = job(command, **members)
    body["JobSpecs"][0].pop("EcsSpec")
    body["JobSpecs"][0]["ResourceConfig"] = {"GPU": str(gpus)}
    return body


@pytest.fixture
def gpus() -> dict[str, str]:
    """Two that no other test has."""
    ids = [f"GPU-{uuid4()}" for _ in range(2)]
    cards = [
        {"index": n, "uuid": uuid, "name": "X", "memory": 1 << 30, "devices": ["/dev/null"]}
        for n, uuid in enumerate(ids)
    ]
    return {"LOCALDLC_GPU_INVENTORY": json.dumps(cards)}


@pytest.fixture
def other(localdlc: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody with another home."""
    line = CommandLine(tmp_path / "other", tmp_path)
    yield line
    line.close()
    line("gc")
    line.close()


def statuses(done: Done) -> str:
    return " ".join(event["to"] for event in done.of("StatusChanged"))


def working(line: CommandLine, gpus: dict[str, str], count: int) -> Going:
    body = wanting(count, WORKS)
    return line.start_job(body, "--job-id", FIRST, **gpus).wait_for("master-0 | working")


def test_a_job_of_another_home_waits_and_then_runs(
    localdlc: CommandLine, other: CommandLine, gpus: dict[str, str]
) -> None:
    first = working(localdlc, gpus, 2)
    second = other.start_job(wanting(1), "-o", "json", **gpus)
    reason = f"1 GPU is wanted and 0 of 2 free; {FIRST} of {localdlc.home} holds 2"
    second.wait_for(reason)
    assert reason in other("show", "last").text
    assert " Queuing " in other("list").text
    first.signal(signal.SIGTERM).finish()
    done = second.finish()
    assert done.code == 0
    assert statuses(done) == "Creating Queuing EnvPreparing Running Succeeded"
    assert done.of("JobQueued")[0]["reason"] == reason


def test_people_see_what_a_job_waits_for(
    localdlc: CommandLine, other: CommandLine, gpus: dict[str, str]
) -> None:
    first = working(localdlc, gpus, 1)
    second = other.start_job(wanting(2), **gpus)
    second.wait_for(f"waits: 2 GPUs are wanted and 1 of 2 free; {FIRST} of {localdlc.home}")
    first.signal(signal.SIGTERM).finish()
    assert ": Queuing\n" in second.finish().err


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_takes_a_job_out_of_the_queue(
    localdlc: CommandLine, other: CommandLine, gpus: dict[str, str], times: int
) -> None:
    first = working(localdlc, gpus, 2)
    second = other.start_job(wanting(1), **gpus).wait_for("waits: ")
    for _ in range(times):
        second.signal(signal.SIGINT)
    assert second.finish().code == 130
    assert " Stopped " in other("list").text
    other.start_job(wanting(2), **gpus).wait_for(f"{FIRST} of").signal(signal.SIGTERM).finish()
    assert first.signal(signal.SIGTERM).finish().code == 143


def test_stop_takes_a_detached_job_out_of_the_queue(
    localdlc: CommandLine, other: CommandLine, gpus: dict[str, str]
) -> None:
    first = working(localdlc, gpus, 2)
    waiting = other.run(wanting(1), "--detach", **gpus).text.strip()
    third = other.start_job(wanting(2), **gpus).wait_for(f"{waiting} goes before and wants 1")
    assert other("stop", waiting).code == 0
    assert " Stopped " in other("list").text
    first.signal(signal.SIGTERM).finish()
    assert third.finish().code == 0


@pytest.mark.parametrize("flags", [(), ("--detach",)])
def test_no_wait_is_exit_3(
    localdlc: CommandLine, other: CommandLine, gpus: dict[str, str], flags: tuple[str, ...]
) -> None:
    first = working(localdlc, gpus, 2)
    done = other.run(wanting(1), "--no-wait", *flags, **gpus)
    assert done.code == 3
    assert f"{FIRST} of {localdlc.home} holds 2. Without --no-wait" in done.err
    first.signal(signal.SIGTERM).finish()


def test_gpus_of_a_killed_run_are_free_when_its_containers_are_gone(
    localdlc: CommandLine,
    other: CommandLine,
    gpus: dict[str, str],
    docker_client: docker.APIClient,
) -> None:
    working(localdlc, gpus, 2).signal(signal.SIGKILL).finish()
    second = other.start_job(wanting(1), **gpus)
    second.wait_for(f"{FIRST} of another home holds 2, left by a localdlc that was killed")
    docker_client.remove_container(f"{FIRST}-master-0", force=True)
    assert second.finish().code == 0
    localdlc("gc")


def test_exact_is_exit_3_with_who_holds_the_rest(
    localdlc: CommandLine, other: CommandLine, docker_client: docker.APIClient
) -> None:
    cores = docker_client.info()["NCPU"]
    body = job(WORKS)
    body["JobSpecs"][0] |= {"EcsSpec": "", "ResourceConfig": {"CPU": str(cores - 1 or 1)}}
    first = localdlc.start_job(body, "--job-id", FIRST).wait_for("master-0 | working")
    body["JobSpecs"][0]["ResourceConfig"] = {"CPU": str(cores)}
    done = other.run(body, "--resources", "exact")
    assert done.code == 3
    assert f"CPU: {cores} cores are asked for at the same time (1 Master of {cores}" in done.err
    assert f"{FIRST} of another home holds" in done.err
    first.signal(signal.SIGTERM).finish()
