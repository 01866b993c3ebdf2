"""What every engine promises (localdlc/run/engine.py), held against the fake and the real one.

A replica's behaviour is a Python function for the fake engine and a shell command for Docker.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import NamedTuple

import pytest
from engines import BASE

from localdlc.errors import EngineUnavailable, ImageError
from localdlc.plan.model import Mount, Resources
from localdlc.record.store import home_digest
from localdlc.record.usage import Usage
from localdlc.run.docker_engine import connect
from localdlc.run.engine import Answer, ContainerSpec, Engine, Overlay, Stream, SubnetTaken
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script

LINES = 20_000
COUNTED = b"".join(b"%d\n" % n for n in range(1, LINES + 1))

Blocks = Iterator[tuple[Stream, bytes]]


# what replicas do


def says_hello(replica: FakeReplica) -> int:
    replica.write(b"hello\n")
    return 0


def says_hello_twice(replica: FakeReplica) -> int:
    replica.write(b"out\n", "stdout")
    replica.write(b"err\n", "stderr")
    return 0


def counts(replica: FakeReplica) -> int:
    for n in range(1, LINES + 1):
        replica.write(b"%d\n" % n)
    return 0


def exits_seven(replica: FakeReplica) -> int:
    return 7


def eats_memory(replica: FakeReplica) -> int:
    raise MemoryError


def takes_its_leave(replica: FakeReplica) -> int:
    replica.write(b"ready\n")
    replica.wait_for_signal()
    replica.write(b"bye\n")
    return 3


def sleeps(replica: FakeReplica) -> int:
    replica.write(b"ready\n")
    while True:
        replica.wait_for_signal()


def is_silent(replica: FakeReplica) -> int:
    replica.wait_for_signal(timeout=0.2)  # it has no sockets that could grow impatient
    replica.write(b"at last\n")
    return 0


LONG = b"x" * 100_000 + b"\n" + b"y" * (1 << 14) + b"\nz\n\n" + b"v" * (1 << 15) + b"\nend\n"


def writes_long_lines(replica: FakeReplica) -> int:
    replica.write(LONG)
    return 0


class Behaviour(NamedTuple):
    fake: Script
    shell: str


BEHAVIOURS = {
    "says hello": Behaviour(says_hello, "echo hello"),
    "says hello twice": Behaviour(says_hello_twice, "echo out; echo err >&2"),
    "counts": Behaviour(counts, f"seq {LINES}"),
    "writes long lines": Behaviour(
        writes_long_lines,
        "python3 -c \"for n, c in ((100000, 'x'), (1 << 14, 'y'), (1, 'z'), (0, ''), "
        "(1 << 15, 'v'), (1, 'end')): print(n * c)\"",
    ),
    "exits 7": Behaviour(exits_seven, "exit 7"),
    "eats memory": Behaviour(eats_memory, "exec python3 -c 'bytearray(1 << 30)'"),
    "takes its leave": Behaviour(
        takes_its_leave, "trap 'echo bye; exit 3' TERM; sleep 9 & echo ready; wait"
    ),
    "sleeps": Behaviour(sleeps, "trap '' TERM; echo ready; while :; do sleep 9; done"),
    "holds memory": Behaviour(
        sleeps,
        'exec python3 -uc \'import signal; b = b"x" * (32 << 20); print("ready"); signal.pause()\'',
    ),
    "is silent": Behaviour(is_silent, "sleep 2; echo at last"),
}


def act(replica: FakeReplica) -> int:
    return BEHAVIOURS[replica.env["BEHAVIOUR"]].fake(replica)


# an engine and one network on it


@dataclass
class World:
    engine: Engine
    home: str
    network: str
    subnet: IPv4Network

    @property
    def labels(self) -> dict[str, str]:
        return {"localdlc.home": self.home, "localdlc.job": "dlccontract"}

    def spec(self, behaviour: str, place: int = 0) -> ContainerSpec:
        return ContainerSpec(
            name=f"dlccontract-worker-{place}",
            hostname=f"dlccontract-worker-{place}",
            image=BASE,
            command=("/bin/sh", "-c", BEHAVIOURS[behaviour].shell),
            env={"BEHAVIOUR": behaviour},
            network=self.network,
            ip=str(self.subnet.network_address + 2 + place),
            hosts=(),
            mounts=(),
            resources=Resources(memory=64 << 20),
            labels=self.labels,
        )

    def create(self, behaviour: str, place: int = 0) -> str:
        return self.engine.create(self.spec(behaviour, place))

    @contextmanager
    def running(self, behaviour: str, place: int = 0) -> Iterator[tuple[str, Blocks]]:
        """The started container's id and its output."""
        container = self.create(behaviour, place)
        with closing(self.engine.attach(container)) as output:
            self.engine.start(container)
            yield container, iter(output)

    def run(self, behaviour: str, place: int = 0) -> tuple[str, dict[Stream, bytes]]:
        """The container's id and all that it wrote, after its end."""
        with self.running(behaviour, place) as (container, blocks):
            return container, read(blocks)


def read(blocks: Blocks) -> dict[Stream, bytes]:
    written: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
    for stream, block in blocks:
        written[stream] += block
    return written


def read_until(blocks: Blocks, text: bytes) -> None:
    seen = b""
    while text not in seen:
        seen += next(blocks)[1]


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.engine)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "docker":
        request.getfixturevalue("docker_client")
    engine = (
        FakeEngine(act, commands=answers, usage=in_use)
        if request.param == "fake"
        else connect(os.environ)
    )
    subnet = IPv4Network("10.254.77.0/28")
    world = World(engine, home_digest(tmp_path / "home"), "localdlc-dlccontract", subnet)
    engine.create_network(world.network, subnet, world.labels)
    yield world
    remove = {"container": engine.remove, "volume": engine.remove_volume}
    for thing in engine.leftovers(world.home):
        remove.get(thing.kind, engine.remove_network)(thing.id)
    engine.close()


# output


def test_output_arrives_from_the_first_byte(world: World) -> None:
    _, written = world.run("says hello")
    assert written["stdout"] == b"hello\n"


def test_the_two_streams_are_told_apart(world: World) -> None:
    _, written = world.run("says hello twice")
    assert written == {"stdout": b"out\n", "stderr": b"err\n"}


def test_many_lines_arrive_in_order(world: World) -> None:
    _, written = world.run("counts")
    assert written["stdout"] == COUNTED


def test_a_silent_replica_breaks_neither_output_nor_wait(
    world: World, impatient_sockets: None
) -> None:
    with world.running("is silent") as (container, blocks), ThreadPoolExecutor() as pool:
        end = pool.submit(world.engine.wait, container)
        assert read(blocks)["stdout"] == b"at last\n"
        assert end.result().code == 0


@pytest.fixture
def impatient_sockets() -> Iterator[None]:
    """A read timeout for whoever does not ask for none."""
    socket.setdefaulttimeout(1)
    yield
    socket.setdefaulttimeout(None)


@pytest.mark.parametrize(
    ("behaviour", "written"),
    [("counts", COUNTED), ("writes long lines", LONG), ("exits 7", b"")],
)
def test_output_can_be_had_again_after_the_end(
    world: World, behaviour: str, written: bytes
) -> None:
    container, first = world.run(behaviour)
    world.engine.wait(container)
    for _ in range(2):
        with closing(world.engine.output(container)) as output:
            assert read(iter(output)) == first == {"stdout": written, "stderr": b""}


def test_the_two_streams_are_told_apart_again(world: World) -> None:
    container, first = world.run("says hello twice")
    with closing(world.engine.output(container)) as output:
        assert read(iter(output)) == first


def test_output_of_what_runs_comes_from_its_first_byte_until_its_end(world: World) -> None:
    with world.running("takes its leave") as (container, blocks):
        read_until(blocks, b"ready\n")
        with closing(world.engine.output(container)) as output:
            again = iter(output)
            read_until(again, b"ready\n")
            world.engine.signal(container, "SIGTERM")
            assert read(again)["stdout"] == b"bye\n"


def test_an_end_is_waited_for_no_longer_than_asked(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        assert not world.engine.ended_within(container, 1)
        world.engine.signal(container, "SIGKILL")
        assert world.engine.ended_within(container, 10)
        assert world.engine.ended_within(container, 1)


def test_a_container_is_created_again_under_another_name_and_labels(world: World) -> None:
    container, first = world.run("says hello")
    world.engine.wait(container)
    again = world.engine.create_again(container, "dlccontract-again", {"localdlc.attempt": "2"})
    with closing(world.engine.attach(again)) as output:
        world.engine.start(again)
        assert read(iter(output)) == first
    found = {thing.id: thing for thing in world.engine.leftovers(world.home)}
    assert found[again].name == "dlccontract-again"
    assert found[again].labels == {**world.labels, "localdlc.attempt": "2"}
    assert (found[container].state, found[container].labels) == ("exited", world.labels)


def test_a_container_is_created_again_from_what_it_left_to_do_something_else(world: World) -> None:
    container, _ = world.run("says hello")
    world.engine.wait(container)
    image = "localdlc/contract-left:latest"
    world.engine.commit(container, image)
    again = world.engine.create_again(container, "dlccontract-left", {}, image, ("sh", "-c", ":"))
    with pytest.raises(ImageError):
        world.engine.remove_image(image)
    world.engine.start(again)
    world.engine.wait(again)
    world.engine.remove(again)
    world.engine.remove_image(image)  # which nobody uses any more


# ends


def test_wait_tells_code_memory_and_time(world: World) -> None:
    container, _ = world.run("exits 7")
    end = world.engine.wait(container)
    assert (end.code, end.oom) == (7, False)
    assert abs(end.finished_at - datetime.now(UTC)) < timedelta(seconds=30)


def test_wait_after_the_end_returns_at_once_and_again(world: World) -> None:
    container, _ = world.run("says hello")
    assert world.engine.wait(container) == world.engine.wait(container)


def test_what_has_ended_can_be_started_once_more(world: World) -> None:
    container, _ = world.run("exits 7")
    first = world.engine.wait(container)
    world.engine.start(container)
    again = world.engine.wait(container)
    assert (first.code, again.code) == (7, 7)
    assert again.finished_at > first.finished_at


def test_a_kill_for_memory_is_told(world: World) -> None:
    container, _ = world.run("eats memory")
    end = world.engine.wait(container)
    assert (end.code, end.oom) == (137, True)


def test_a_replica_may_take_its_leave_after_sigterm(world: World) -> None:
    with world.running("takes its leave") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.signal(container, "SIGTERM")
        assert read(blocks)["stdout"] == b"bye\n"
    assert world.engine.wait(container).code == 3


def test_sigkill_ends_what_ignores_sigterm(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.signal(container, "SIGTERM")
        world.engine.signal(container, "SIGKILL")
        end = world.engine.wait(container)
    assert (end.code, end.oom) == (137, False)


def test_a_signal_to_what_has_ended_or_is_gone_is_no_error(world: World) -> None:
    container, _ = world.run("says hello")
    world.engine.signal(container, "SIGTERM")
    world.engine.signal(container, "SIGKILL")
    world.engine.remove(container)
    world.engine.signal(container, "SIGTERM")


def test_wait_for_a_container_that_is_gone_is_an_error(world: World) -> None:
    container, _ = world.run("says hello")
    world.engine.remove(container)
    with pytest.raises(EngineUnavailable):
        world.engine.wait(container)


# a running container


def answers(replica: FakeReplica, command: tuple[str, ...]) -> Answer:
    """As a shell would answer what these tests ask."""
    return {"true": Answer(0, b""), "not-there": Answer(127, b"no not-there")}.get(
        command[0], Answer(4, b"out\n")
    )


def test_a_command_runs_in_a_container_to_its_end(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        said = world.engine.execute(container, ("/bin/sh", "-c", "echo out; exit 4"))
        assert (said.code, said.output) == (4, b"out\n")
        assert world.engine.execute(container, ("true",)).code == 0
        assert world.engine.execute(container, ("not-there",)).code in {126, 127}


def test_a_command_in_what_does_not_run_is_an_error(world: World) -> None:
    container, _ = world.run("says hello")
    with pytest.raises(EngineUnavailable):
        world.engine.execute(container, ("true",))


def test_what_is_paused_does_nothing_until_it_goes_on(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.pause(container)
        with pytest.raises(EngineUnavailable, match="paused"):
            world.engine.execute(container, ("true",))
        world.engine.resume(container)
        assert world.engine.execute(container, ("true",)).code == 0
        world.engine.signal(container, "SIGKILL")


def test_a_signal_ends_a_pause(world: World) -> None:
    with world.running("takes its leave") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.pause(container)
        world.engine.signal(container, "SIGTERM")
        assert read(blocks)["stdout"] == b"bye\n"
    assert world.engine.wait(container).code == 3


def test_sigkill_ends_what_is_paused(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.pause(container)
        world.engine.signal(container, "SIGKILL")
        assert world.engine.wait(container).code == 137


def test_what_is_cut_off_may_join_again(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.cut_off(container, world.network)
        with pytest.raises(EngineUnavailable):
            world.engine.cut_off("not-there", world.network)
        world.engine.join(container, world.network, world.spec("sleeps").ip)
        world.engine.signal(container, "SIGKILL")


def test_memory_that_is_exhausted_is_told(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.exhaust_memory(container)
        end = world.engine.wait(container)
    assert (end.code, end.oom) == (137, True)


# what a container uses


def in_use(replica: FakeReplica) -> Usage:
    return Usage(cpu=0.5, memory=40 << 20, peak=50 << 20, received=7, oom_kills=0)


def test_what_a_running_container_uses_is_told(world: World) -> None:
    with world.running("holds memory") as (container, blocks):
        read_until(blocks, b"ready\n")
        usage = world.engine.usage(container)
        assert 32 << 20 <= usage.memory <= 64 << 20
        assert usage.peak is None or usage.memory <= usage.peak <= 64 << 20
        assert 0 < usage.cpu < 30
        assert usage.received >= 0
        assert usage.oom_kills in {0, None}
        world.engine.signal(container, "SIGKILL")


def test_what_does_not_run_uses_nothing(world: World) -> None:
    container, _ = world.run("says hello")
    with pytest.raises(EngineUnavailable, match="not running"):
        world.engine.usage(container)


def test_what_has_ended_since_it_was_looked_at_uses_nothing(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.usage(container)
        world.engine.signal(container, "SIGKILL")
    world.engine.wait(container)
    with pytest.raises(EngineUnavailable, match="not running"):
        world.engine.usage(container)


# removing


def test_removing_twice_is_no_error(world: World) -> None:
    container, _ = world.run("says hello")
    world.engine.remove(container)
    world.engine.remove(container)


def test_what_was_never_started_can_be_removed(world: World) -> None:
    container = world.create("says hello")
    with closing(world.engine.attach(container)):
        world.engine.remove(container)


def test_removing_a_running_replica_ends_its_output(world: World) -> None:
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        world.engine.remove(container)
        assert list(blocks) == []


# networks and names


def test_a_network_has_exactly_its_subnet(world: World) -> None:
    assert world.subnet in world.engine.taken_subnets()


def test_an_overlapping_subnet_is_taken(world: World) -> None:
    inside = IPv4Network(f"{world.subnet.network_address + 8}/29")
    with pytest.raises(SubnetTaken):
        world.engine.create_network("localdlc-dlcother", inside, world.labels)


def test_a_network_of_the_same_name_is_refused(world: World) -> None:
    other = IPv4Network("10.254.78.0/29")
    with pytest.raises(EngineUnavailable, match="localdlc-dlccontract"):
        world.engine.create_network(world.network, other, world.labels)
    assert other not in world.engine.taken_subnets()


def test_removing_a_network_twice_is_no_error(world: World) -> None:
    world.engine.remove_network(world.network)
    world.engine.remove_network(world.network)
    assert world.subnet not in world.engine.taken_subnets()


def test_a_name_in_use_is_refused(world: World) -> None:
    world.create("says hello")
    with pytest.raises(EngineUnavailable, match="dlccontract-worker-0"):
        world.engine.create(replace(world.spec("says hello"), ip=str(world.subnet[5])))


def test_what_is_there_is_found_whatever_its_home_until_it_has_ended(world: World) -> None:
    created = world.create("says hello")
    assert created in {found.id for found in world.engine.unended()}
    world.engine.remove(created)
    assert created not in {found.id for found in world.engine.unended()}
    with world.running("sleeps") as (container, blocks):
        read_until(blocks, b"ready\n")
        (found,) = [found for found in world.engine.unended() if found.id == container]
        assert (found.kind, found.name) == ("container", "dlccontract-worker-0")
        assert found.labels == world.labels
        world.engine.pause(container)
        assert container in {found.id for found in world.engine.unended()}
        world.engine.signal(container, "SIGKILL")
        world.engine.wait(container)
        assert container not in {found.id for found in world.engine.unended()}


def test_leftovers_are_those_of_one_home_containers_first(world: World, tmp_path: Path) -> None:
    container = world.create("says hello")
    world.engine.create_volume("localdlc-dlccontract-0", overlay_in(tmp_path), world.labels)
    found = world.engine.leftovers(world.home)
    assert [(left.kind, left.name) for left in found] == [
        ("container", "dlccontract-worker-0"),
        ("volume", "localdlc-dlccontract-0"),
        ("network", "localdlc-dlccontract"),
    ]
    assert found[0].id == container
    assert all(left.labels["localdlc.job"] == "dlccontract" for left in found)
    assert world.engine.leftovers("another home") == ()


# volumes


def overlay_in(folder: Path) -> Overlay:
    """A name that needs care: ``:`` and ``,`` divide what the kernel is told; ``ro`` is told it."""
    folders = [folder / "a b,ro,c:d\\" / name for name in ("lower", "upper", "work")]
    for made in folders:
        made.mkdir(parents=True)
    (folders[0] / "given").write_text("given\n")
    lower, upper, work = map(str, folders)
    return Overlay(lower, upper, work)


def test_a_volume_goes_when_no_container_mounts_it(world: World, tmp_path: Path) -> None:
    name = "localdlc-dlccontract-0"
    world.engine.create_volume(name, overlay_in(tmp_path), world.labels)
    mounted = replace(world.spec("says hello"), mounts=(Mount(name, "/mnt/data", False),))
    container = world.engine.create(mounted)
    with closing(world.engine.attach(container)) as output:
        world.engine.start(container)
        assert read(iter(output))["stdout"] == b"hello\n"
    with pytest.raises(EngineUnavailable, match=name):
        world.engine.remove_volume(name)
    world.engine.remove(container)
    world.engine.remove_volume(name)
    world.engine.remove_volume(name)
    assert "volume" not in {left.kind for left in world.engine.leftovers(world.home)}


def test_eight_threads_at_once_share_an_engine(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        ran = list(pool.map(lambda place: world.run("counts", place), range(8)))
        codes = list(
            pool.map(lambda container: world.engine.wait(container).code, [c for c, _ in ran])
        )
    assert codes == [0] * 8
    assert all(written["stdout"] == COUNTED for _, written in ran)


# images


def test_an_image_is_known_by_its_name_or_not_at_all(world: World) -> None:
    assert world.engine.find_image(BASE)


def test_an_image_that_cannot_be_pulled_is_an_image_error(world: World) -> None:
    began = time.monotonic()
    with pytest.raises(ImageError, match=r"127\.0\.0\.1:1/none"):
        list(world.engine.pull_image("127.0.0.1:1/none:1"))
    assert time.monotonic() - began < 30


def test_an_image_is_built_found_named_and_removed(world: World, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nARG WORD\nENV WORD=$WORD\n")
    name = "localdlc-test/built:1"
    assert list(world.engine.build_image(tmp_path, name, {"WORD": "x"}))
    assert world.engine.find_image(name)
    assert name in world.engine.image_names()
    world.engine.remove_image(name)
    world.engine.remove_image(name)
    assert name not in world.engine.image_names()


def test_what_a_container_has_become_is_an_image_and_starts(world: World) -> None:
    container, _ = world.run("says hello")
    name = f"localdlc-test/became:{world.home}"
    world.engine.commit(container, name)
    assert world.engine.find_image(name)
    became = world.engine.create(replace(world.spec("exits 7", 1), image=name))
    with closing(world.engine.attach(became)):
        world.engine.start(became)
        assert world.engine.wait(became).code == 7
    with pytest.raises(ImageError, match="became"):
        world.engine.remove_image(name)
    world.engine.remove(became)
    world.engine.remove_image(name)
    assert name not in world.engine.image_names()


def test_an_engine_says_what_it_is(world: World) -> None:
    facts = world.engine.describe()
    assert facts.cpus > 0
    assert facts.memory > 1 << 30
    assert facts.name
    assert facts.version
