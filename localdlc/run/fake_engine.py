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
from datetime import UTC, datetime
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Thread
from typing import Literal

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

__all__ = ["Command", "FakeEngine", "FakeReplica", "Script"]


class Killed(BaseException):
    """Raised inside a script at its next step after SIGKILL."""


class FakeReplica:
    """What a script sees of its container."""

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self._output: SimpleQueue[tuple[Stream, bytes] | None] = SimpleQueue()
        self._changed = Condition()
        self._signals: list[str] = []
        self.end: Exit | None = None
        self.running = False
        self.paused = False
        self.cut_off = False
        self.executed: list[tuple[str, ...]] = []

    @property
    def env(self) -> Mapping[str, str]:
        return self.spec.env

    def write(self, data: bytes, stream: Stream = "stdout") -> None:
        """Output, as a process writes it: any bytes, whole lines or not."""
        with self._changed:
            self._go_on()
            self._output.put((stream, data))

    def wait_for_signal(self, timeout: float | None = None) -> str | None:
        """Sleeps until SIGTERM arrives; None when it did not in ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._signals), timeout)
            self._go_on()
            return self._signals.pop(0) if self._signals else None

    def begin(self) -> None:
        """Also once more, after its end."""
        with self._changed:
            self.running, self.end = True, None
            self._signals.clear()

    def hold(self, *, paused: bool) -> None:
        with self._changed:
            self.paused = paused
            self._changed.notify_all()

    def _go_on(self) -> None:
        self._changed.wait_for(lambda: not self.paused or self.end is not None)
        if self.end or "SIGKILL" in self._signals:
            raise Killed

    def deliver(self, name: str) -> None:
        with self._changed:
            if not self.running or self.end:
                return
            self._signals.append(name)
            self.paused = False
            self._changed.notify_all()
            if name == "SIGKILL":
                self._finish(137)

    def finish(self, code: int, *, oom: bool = False) -> None:
        with self._changed:
            self._finish(code, oom=oom)

    def _finish(self, code: int, *, oom: bool = False) -> None:
        if self.end is None:
            self.end = Exit(code, oom, datetime.now(UTC))
            self._output.put(None)
            self._changed.notify_all()

    def wait(self) -> Exit:
        with self._changed:
            while self.end is None:
                self._changed.wait()
            return self.end

    def blocks(self) -> Iterator[tuple[Stream, bytes]]:
        while (block := self._output.get()) is not None:
            yield block


Script = Callable[[FakeReplica], int]
Command = Callable[[FakeReplica, tuple[str, ...]], Answer]


class FakeAttachment:
    def __init__(self, replica: FakeReplica) -> None:
        self._replica = replica

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        return self._replica.blocks()

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
        self.containers: dict[str, FakeReplica] = {}
        self.networks: dict[str, tuple[IPv4Network, Mapping[str, str]]] = {}
        self.volumes: dict[str, tuple[Overlay, Mapping[str, str]]] = {}

    def close(self) -> None:
        """There is nothing to give back."""

    def describe(self) -> EngineFacts:
        return EngineFacts("fake", "1", self._cpus, 16 << 30, "fake://")

    def ceilings(self) -> Mapping[str, int]:
        return {}

    def taken_subnets(self) -> tuple[IPv4Network, ...]:
        return tuple(subnet for subnet, _ in list(self.networks.values()))

    def find_image(self, reference: str) -> str | None:
        known = self._images is None or reference in self._images
        return f"sha256:{reference}" if known else None

    def image_names(self) -> tuple[str, ...]:
        return self._images or ()

    def pull_image(self, reference: str, login: Login | None = None) -> Iterator[str]:
        raise ImageError(f"cannot pull the image {reference}: the fake engine has no registry")

    def import_image(self, tar: Path, reference: str) -> None:
        self._images = (*(self._images or ()), reference)

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        self._images = (*(self._images or ()), reference)
        yield f"Successfully tagged {reference}"

    def remove_image(self, reference: str) -> None:
        self._images = tuple(i for i in self._images or () if i != reference)

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

    def attach(self, container_id: str) -> FakeAttachment:
        return FakeAttachment(self._replica(container_id))

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

    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        containers = tuple(
            Leftover("container", id_, replica.spec.name, replica.spec.labels)
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
