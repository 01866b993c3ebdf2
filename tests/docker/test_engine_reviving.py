"""A replica that failed and was kept is entered afterwards, as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator

import docker
import pytest
from engines import CommandLine, job

from localdlc.record.store import home_digest
from localdlc.run.docker_engine import DockerEngine, connect
from localdlc.run.engine import Leftover
from localdlc.service.reviving import revived

pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]

FAILS = "echo left >/left.txt; echo shared >/mnt/data/out; exit 3"


@pytest.fixture
def engine(localdlc: CommandLine) -> Iterator[DockerEngine]:
    engine = connect(os.environ)
    yield engine
    engine.close()
    localdlc("gc", "--kept")


def kept(engine: DockerEngine, localdlc: CommandLine) -> dict[str, Leftover]:
    found = engine.leftovers(home_digest(localdlc.home))
    return {thing.name: thing for thing in found if thing.kind == "container"}


def fail(localdlc: CommandLine, *flags: str) -> None:
    data = localdlc.folder / "data"
    data.mkdir()
    body = job(
        f"if [ $RANK = 1 ]; then sleep 1; {FAILS}; fi; echo fine",
        {"Master": 1, "Worker": 1},
        DataSources=[{"Uri": f"file://{data}", "MountPath": "/mnt/data"}],
        Envs={"SECRET_TOKEN": "hunter2hunter2"},
    )
    done = localdlc.run(body, "--job-id", "dlckeep", *flags)
    assert done.code == 1


def test_keep_failed_keeps_the_failed_replica_alone(
    localdlc: CommandLine, engine: DockerEngine
) -> None:
    fail(localdlc, "--keep", "failed")
    assert [(n, c.state) for n, c in kept(engine, localdlc).items()] == [
        ("dlckeep-worker-0", "exited")
    ]
    assert "removed container dlckeep-worker-0" in localdlc("gc", "--kept").text
    assert not kept(engine, localdlc)


def test_what_it_left_is_entered_with_its_mounts_variables_and_names(
    localdlc: CommandLine, engine: DockerEngine, docker_client: docker.APIClient
) -> None:
    fail(localdlc, "--keep", "failed")
    before = kept(engine, localdlc)
    container = before["dlckeep-worker-0"].id
    with revived(engine, container, "dlckeep-worker-0") as entered:
        look = "cat /left.txt /mnt/data/out; echo $SECRET_TOKEN $RANK; hostname; getent hosts "
        answer = engine.execute(entered, ["sh", "-c", f"{look} dlckeep-master-0; touch /new"])
        said = answer.output.decode().split()
        assert said[:5] == ["left", "shared", "hunter2hunter2", "1", "dlckeep-worker-0"]
        assert "dlckeep-master-0" in said[5:]
        assert len(kept(engine, localdlc)) == 2
    assert kept(engine, localdlc) == before
    assert not docker_client.images("localdlc/revived")
    with revived(engine, container, "dlckeep-worker-0") as entered:
        assert engine.execute(entered, ["ls", "/new"]).code != 0


def test_whatever_happens_inside_nothing_is_left(
    localdlc: CommandLine, engine: DockerEngine, docker_client: docker.APIClient
) -> None:
    fail(localdlc, "--keep", "failed")
    before = kept(engine, localdlc)
    container = before["dlckeep-worker-0"].id
    with pytest.raises(KeyboardInterrupt), revived(engine, container, "dlckeep-worker-0"):
        raise KeyboardInterrupt
    assert kept(engine, localdlc) == before
    assert not docker_client.images("localdlc/revived")
