"""An engine whose replicas are Python functions. Shipped: users test their tools with it, too.

::

    def train(replica: FakeReplica) -> int:
        replica.write(b"hello\\n")
        return 0

    engine = FakeEngine(train)

It keeps the promises of `Engine` (``tests/contract`` holds it to them), shows what exists, and
needs no container engine and no root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Literal
from uuid import uuid4

from localdlc.errors import EngineUnavailable, ImageError
from localdlc.plan.model import Login
from localdlc.record.usage import Usage
from localdlc.run.engine import (
    Answer,
    ContainerSpec,
    EngineFacts,
    Exit,
    Leftover,
    Overlay,
    Stream,
    SubnetTaken,
)
from localdlc.run.fake_replica import FakeReplica, FakeSession, Killed

__all__ = ["Command", "FakeEngine", "FakeReplica", "Script"]


Script = Callable[[FakeReplica], int]
Command = Callable[[FakeReplica, tuple[str, ...]], Answer]


class FakeAttachment:
    def __init__(self, replica: FakeReplica, first: int) -> None:
        self._replica = replica
        self._first = first

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        return self._replica.blocks(self._first)

    def close(self) -> None:
        pass


class FakeEngine:
    """Runs ``script`` for every replica, and ``errands`` for containers that do something beside.

    ``commands`` answers what is executed in a container, ``usage`` says what one uses. ``images``
    are those it has; None: any asked for.
    """

    def __init__(
        self,
        script: Script,
        images: tuple[str, ...] | None = None,
        cpus: int = 8,
        errands: Script = lambda replica: 0,
        commands: Command = lambda replica, command: Answer(0, b""),
        usage: Callable[[FakeReplica], Usage] = lambda replica: Usage(),
    ) -> None:
        self._script = script
        self._errands = errands
        self._commands = commands
        self._usage = usage
        self._images = images
        self._made: tuple[str, ...] = ()
        self._cpus = cpus
        self._ids = count(1)
        self._address = f"fake://{uuid4()}"
        self.containers: dict[str, FakeReplica] = {}
        self.networks: dict[str, tuple[IPv4Network, Mapping[str, str]]] = {}
        self.volumes: dict[str, tuple[Overlay, Mapping[str, str]]] = {}

    def close(self) -> None:
        """There is nothing to give back."""

    def describe(self) -> EngineFacts:
        return EngineFacts("fake", "1", self._cpus, 16 << 30, self._address)

    def ceilings(self) -> Mapping[str, int]:
        return {}

    def taken_subnets(self) -> tuple[IPv4Network, ...]:
        return tuple(subnet for subnet, _ in list(self.networks.values()))

    def find_image(self, reference: str) -> str | None:
        known = self._images is None or reference in self.image_names()
        return f"sha256:{reference}" if known else None

    def image_names(self) -> tuple[str, ...]:
        return (*(self._images or ()), *self._made)

    def pull_image(self, reference: str, login: Login | None = None) -> Iterator[str]:
        raise ImageError(f"cannot pull the image {reference}: the fake engine has no registry")

    def import_image(self, tar: Path, reference: str) -> None:
        self._made = (*self._made, reference)

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        self._made = (*self._made, reference)
        yield f"Successfully tagged {reference}"

    def commit(self, container_id: str, reference: str) -> None:
        self._replica(container_id)
        self._made = (*self._made, reference)

    def remove_image(self, reference: str) -> None:
        if any(replica.spec.image == reference for replica in list(self.containers.values())):
            raise ImageError(f"cannot remove the image {reference}: a container uses it")
        self._made = tuple(made for made in self._made if made != reference)
        self._images = self._images and tuple(i for i in self._images if i != reference)

    def create_network(self, name: str, subnet: IPv4Network, labels: Mapping[str, str]) -> None:
        if any(subnet.overlaps(other) for other in self.taken_subnets()):
            raise SubnetTaken(f"{subnet} is taken")
        if name in self.networks:
            raise EngineUnavailable(f"cannot create the network {name}: the name is in use")
        self.networks[name] = (subnet, labels)

    def remove_network(self, name: str) -> None:
        self.networks.pop(name, None)

    def create_volume(self, name: str, overlay: Overlay, labels: Mapping[str, str]) -> None:
        self.volumes[name] = (overlay, labels)

    def remove_volume(self, name: str) -> None:
        for replica in list(self.containers.values()):
            if name in {mount.source for mount in replica.spec.mounts}:
                raise EngineUnavailable(f"cannot remove {name}: {replica.spec.name} mounts it")
        self.volumes.pop(name, None)

    def create(self, spec: ContainerSpec) -> str:
        if any(replica.spec.name == spec.name for replica in list(self.containers.values())):
            raise EngineUnavailable(f"cannot create {spec.name}: the name is in use")
        container_id = f"fake-{next(self._ids)}"
        self.containers[container_id] = FakeReplica(spec)
        return container_id

    def environment(self, container_id: str) -> Mapping[str, str]:
        return self._replica(container_id).env

    def create_again(
        self,
        container_id: str,
        name: str,
        labels: Mapping[str, str],
        image: str = "",
        command: Sequence[str] = (),
    ) -> str:
        old = self._replica(container_id).spec
        image, told = image or old.image, tuple(command) or old.command
        labels = {**old.labels, **labels}
        return self.create(replace(old, name=name, labels=labels, image=image, command=told))

    def attach(self, container_id: str) -> FakeAttachment:
        replica = self._replica(container_id)
        return FakeAttachment(replica, replica.written)

    def output(self, container_id: str) -> FakeAttachment:
        return FakeAttachment(self._replica(container_id), 0)

    def start(self, container_id: str) -> None:
        replica = self._replica(container_id)
        self._check_shared_network(replica.spec)
        replica.begin()
        Thread(target=self._live, args=(replica,), daemon=True).start()

    def _check_shared_network(self, spec: ContainerSpec) -> None:
        kind, _, other = spec.network.partition(":")
        if kind == "container" and (self._replica(other).end or not self._replica(other).running):
            raise EngineUnavailable(f"cannot start {spec.name}: {other} is not running")

    def _live(self, replica: FakeReplica) -> None:
        try:
            errand = "localdlc.errand" in replica.spec.labels
            replica.finish((self._errands if errand else self._script)(replica))
        except Killed:
            replica.finish(137)
        except MemoryError:
            replica.finish(137, oom=True)
        except Exception as error:  # noqa: BLE001 - a script's traceback is its replica's output
            replica.write(f"{type(error).__name__}: {error}\n".encode(), "stderr")
            replica.finish(1)

    def ended_within(self, container_id: str, seconds: float) -> bool:
        return self._replica(container_id).ended_within(seconds)

    def wait(self, container_id: str) -> Exit:
        return self._replica(container_id).wait()

    def signal(self, container_id: str, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        if replica := self.containers.get(container_id):
            replica.deliver(name)

    def execute(self, container_id: str, command: Sequence[str]) -> Answer:
        replica = self._running(container_id)
        if replica.paused:
            raise EngineUnavailable(f"the container {replica.spec.name} is paused")
        replica.executed.append(tuple(command))
        return self._commands(replica, tuple(command))

    def usage(self, container_id: str) -> Usage:
        return self._usage(self._running(container_id))

    def enter(self, container_id: str, command: Sequence[str], *, terminal: bool) -> FakeSession:
        return FakeSession(self.execute(container_id, command))

    def pause(self, container_id: str) -> None:
        self._running(container_id).hold(paused=True)

    def resume(self, container_id: str) -> None:
        self._running(container_id).hold(paused=False)

    def cut_off(self, container_id: str, network: str) -> None:
        self._running(container_id).cut_off = True

    def join(self, container_id: str, network: str, ip: str) -> None:
        self._running(container_id).cut_off = False

    def exhaust_memory(self, container_id: str) -> None:
        self._running(container_id).finish(137, oom=True)

    def remove(self, container_id: str) -> None:
        if replica := self.containers.pop(container_id, None):
            replica.deliver("SIGKILL")

    def unended(self) -> tuple[Leftover, ...]:
        return tuple(
            Leftover("container", id_, replica.spec.name, replica.spec.labels)
            for id_, replica in list(self.containers.items())
            if not replica.end
        )

    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        containers = tuple(
            Leftover("container", id_, replica.spec.name, replica.spec.labels, replica.state)
            for id_, replica in list(self.containers.items())
            if replica.spec.labels.get("localdlc.home") == home
        )
        volumes = tuple(
            Leftover("volume", name, name, labels)
            for name, (_, labels) in list(self.volumes.items())
            if labels.get("localdlc.home") == home
        )
        networks = tuple(
            Leftover("network", name, name, labels)
            for name, (_, labels) in list(self.networks.items())
            if labels.get("localdlc.home") == home
        )
        return containers + volumes + networks

    def _running(self, container_id: str) -> FakeReplica:
        replica = self._replica(container_id)
        if replica.end or not replica.running:
            raise EngineUnavailable(f"the container {replica.spec.name} is not running")
        return replica

    def _replica(self, container_id: str) -> FakeReplica:
        try:
            return self.containers[container_id]
        except KeyError:
            raise EngineUnavailable(f"there is no container {container_id}") from None
