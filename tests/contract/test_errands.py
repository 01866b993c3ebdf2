"""What an errand promises (localdlc/run/errands.py), on the fake engine and on a real one.

What it does is a Python function for the fake engine and a shell command for Docker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from engines import BASE

from localdlc.errors import EngineUnavailable, LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount
from localdlc.record.store import home_digest
from localdlc.run.docker_engine import connect
from localdlc.run.engine import Engine, Exit
from localdlc.run.errands import Errands
from localdlc.run.fake_engine import FakeEngine, FakeReplica

PATIENCE = 60


def says_and_fails(replica: FakeReplica) -> int:
    replica.write(b"one\ntwo\nhal")
    replica.write(b"f \xff")
    return 3


def sleeps(replica: FakeReplica) -> int:
    replica.write(b"ready\n")
    replica.wait_for_signal()
    return 0


def says_who_it_is(replica: FakeReplica) -> int:
    replica.write(f"{replica.spec.user} {replica.env['WORD']}\n".encode())
    return 0


SCRIPTS = {
    r"echo one; echo two; printf 'half \377'; exit 3": says_and_fails,
    "echo ready; sleep 60": sleeps,
    'echo "$(id -u):$(id -g) $WORD"': says_who_it_is,
}
FAILS, SLEEPS, WHO = SCRIPTS


def act(replica: FakeReplica) -> int:
    return SCRIPTS[replica.spec.command[-1]](replica)


def errand(script: str, name: str = "test") -> Errand:
    return Errand(name, BASE, ("/bin/sh", "-c", script), {"WORD": "hello"})


@dataclass
class World:
    engine: Engine
    home: str
    errands: Errands

    @property
    def left(self) -> list[str]:
        return [left.name for left in self.engine.leftovers(self.home)]

    def run(self, asked: Errand) -> tuple[int, list[str]]:
        """Its code and its lines."""
        lines: list[str] = []
        return self.errands.run(asked, lines.append).code, lines

    def begin(self, asked: Errand) -> Callable[[], Exit | LocaldlcError]:
        """Runs it in a thread, returns when it has said its first line; the result waits for it."""
        lines: SimpleQueue[str] = SimpleQueue()
        ends: SimpleQueue[Exit | LocaldlcError] = SimpleQueue()

        def run() -> None:
            try:
                ends.put(self.errands.run(asked, lines.put))
            except LocaldlcError as error:
                ends.put(error)

        Thread(target=run, daemon=True).start()
        assert lines.get(timeout=PATIENCE) == "ready"
        return lambda: ends.get(timeout=PATIENCE)


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.engine)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "docker":
        request.getfixturevalue("docker_client")
    home = home_digest(tmp_path / "home")
    engine = FakeEngine(act, errands=act) if request.param == "fake" else connect(os.environ)
    with closing(engine):
        yield World(engine, home, Errands(engine, "dlcerrand", home))
        for left in engine.leftovers(home):
            engine.remove(left.id)


def test_its_lines_and_its_code_are_told_and_nothing_is_left(world: World) -> None:
    assert world.run(errand(FAILS)) == (3, ["one", "two", "half \\xff"])
    assert world.left == []


def test_it_is_who_it_is_told_to_be(world: World) -> None:
    assert world.run(replace(errand(WHO), user="1234:567")) == (0, ["1234:567 hello"])


def test_while_it_runs_a_sweep_would_find_it(world: World) -> None:
    end = world.begin(errand(SLEEPS))
    (left,) = world.engine.leftovers(world.home)
    assert left.name == "dlcerrand-test"
    assert left.labels["localdlc.job"] == "dlcerrand"
    world.errands.call_off()
    end()


def test_what_is_called_off_is_gone_and_nothing_begins_any_more(world: World) -> None:
    ends = [world.begin(errand(SLEEPS, name)) for name in ("a", "b")]
    world.errands.call_off()
    assert world.left == []
    for end in ends:
        told = end()
        assert isinstance(told, LocaldlcError) or told.code == 137
    with pytest.raises(EngineUnavailable, match="called off"):
        world.run(errand(WHO))


def test_what_cannot_start_is_an_error_and_leaves_nothing(world: World) -> None:
    with pytest.raises(EngineUnavailable):
        world.run(replace(errand(WHO), network="container:nobody"))
    assert world.left == []


@pytest.mark.parametrize("network", ["none", "host"])
def test_it_runs_on_either_network(world: World, network: str) -> None:
    assert world.run(replace(errand(WHO), user="0:0", network=network)) == (0, ["0:0 hello"])


def test_it_joins_the_network_of_a_running_container(world: World) -> None:
    end = world.begin(errand(SLEEPS))
    (host,) = world.engine.leftovers(world.home)
    guest = replace(errand(WHO, "guest"), user="0:0", network=f"container:{host.id}")
    assert world.run(guest) == (0, ["0:0 hello"])
    world.errands.call_off()
    end()


# what only a real one has


@pytest.fixture
def docker(world: World) -> World:
    if isinstance(world.engine, FakeEngine):
        pytest.skip("the fake engine has neither networks nor files")
    return world


NETWORK = "readlink /proc/self/ns/net"


def test_networks_are_what_they_are_called(docker: World) -> None:
    ours = str(Path("/proc/self/ns/net").readlink())
    assert docker.run(replace(errand(NETWORK), network="host"))[1] == [ours]
    assert docker.run(errand("ls /sys/class/net"))[1] == ["lo"]


def test_a_shared_network_is_one(docker: World, tmp_path: Path) -> None:
    mount = (Mount(str(tmp_path), "/mnt", read_only=False),)
    end = docker.begin(replace(errand(f"{NETWORK} > /mnt/net; {SLEEPS}"), mounts=mount))
    (host,) = docker.engine.leftovers(docker.home)
    guest = replace(errand(NETWORK, "guest"), network=f"container:{host.id}")
    (seen,) = docker.run(guest)[1]
    assert seen == (tmp_path / "net").read_text().strip()
    assert re.fullmatch(r"net:\[\d+\]", seen)
    docker.errands.call_off()
    end()
