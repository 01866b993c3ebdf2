"""The engine: the one narrow thing between a plan and real containers.

`DockerEngine` is the real one, `FakeEngine` runs replicas as scripts; ``tests/contract`` holds
both to the promises written here. Every method may raise `EngineUnavailable`. What goes in and
comes out is in `engine_terms.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from localdlc.plan.model import Login
from localdlc.run.engine_terms import (
    Answer,
    ContainerSpec,
    EngineFacts,
    EngineGone,
    Exit,
    Leftover,
    NotBegun,
    Overlay,
    Stream,
    SubnetTaken,
)

if TYPE_CHECKING:
    from localdlc.record.usage import Usage

__all__ = [
    "Answer",
    "Attachment",
    "ContainerSpec",
    "Engine",
    "EngineFacts",
    "EngineGone",
    "EngineOver",
    "Exit",
    "Leftover",
    "NotBegun",
    "Overlay",
    "Session",
    "Stream",
    "SubnetTaken",
]


class Attachment(Protocol):
    """A container's output from its first byte: blocks as they come, until it ends.

    A block is whatever arrived together; it may end in the middle of a line or of a character.
    """

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]: ...

    def close(self) -> None: ...


class Session(Protocol):
    """A command in a container; iterated over, its output until it ends. With a terminal it is one
    stream, and what is sent is echoed.
    """

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]: ...

    def send(self, data: bytes) -> None:
        """To its standard input."""
        ...

    def end_input(self) -> None: ...

    def resize(self, rows: int, columns: int) -> None:
        """Its terminal's size."""
        ...

    def code(self) -> int:
        """Its exit code, once its output has ended; 137 where its container ended first."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """What a run needs of an engine, and nothing more. Safe to call from many threads."""

    def close(self) -> None:
        """Gives back what idle connections hold; the engine is not asked anything after it."""
        ...

    def describe(self) -> EngineFacts: ...

    def ceilings(self) -> Mapping[str, int]:
        """Ulimits that its containers cannot exceed, by name, -1 for none; without asking it."""
        ...

    def taken_subnets(self) -> tuple[IPv4Network, ...]:
        """Subnets of the engine's networks and of the host's routes."""
        ...

    def find_image(self, reference: str) -> str | None:
        """The image's id, or None when it is not on this engine."""
        ...

    def image_names(self) -> tuple[str, ...]:
        """Every ``name:tag`` that is on this engine."""
        ...

    def pull_image(self, reference: str, login: Login | None = None) -> Iterator[str]:
        """Pulls, yielding progress lines; raises `ImageError` in the engine's own words."""
        ...

    def import_image(self, tar: Path, reference: str) -> None:
        """Makes an image of one layer from the root file system in ``tar``."""
        ...

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        """Builds, yielding the builder's lines; raises `ImageError`."""
        ...

    def commit(self, container_id: str, reference: str) -> None:
        """Makes an image of its own image and what it has written over it, once it has ended.

        The new one has the old one's configuration, and nothing of the container's environment
        that the old one has not named. Raises `ImageError`, also where the image has volumes: what
        is written into these is in no image.
        """
        ...

    def remove_image(self, reference: str) -> None:
        """One that is not there is no error; `ImageError` for one that a container uses."""
        ...

    def create_network(self, name: str, subnet: IPv4Network, labels: Mapping[str, str]) -> None:
        """Raises `SubnetTaken` when another network overlaps. A name is given once only."""
        ...

    def remove_network(self, name: str) -> None:
        """Removes it, by name or id; one that is not there is no error."""
        ...

    def create_volume(self, name: str, overlay: Overlay, labels: Mapping[str, str]) -> None:
        """Only notes what it is; whether the engine can mount it shows when a container starts."""
        ...

    def remove_volume(self, name: str) -> None:
        """One that is not there is no error; one that a container mounts is."""
        ...

    def create(self, spec: ContainerSpec) -> str:
        """Creates without starting; returns the container's id."""
        ...

    def environment(self, container_id: str) -> Mapping[str, str]:
        """The variables that a container was created with, and its image's."""
        ...

    def create_again(
        self,
        container_id: str,
        name: str,
        labels: Mapping[str, str],
        image: str = "",
        command: Sequence[str] = (),
    ) -> str:
        """Creates a container like that one, which has ended: the same but for these labels.

        And for the image and the command, if they are given.
        """
        ...

    def attach(self, container_id: str) -> Attachment:
        """Must be called before `start`, so that not a byte is missed."""
        ...

    def output(self, container_id: str) -> Attachment:
        """The same from its first byte on, of any container: also of one that runs or has ended.

        What the engine keeps of it; the end of a last line without a newline may be added.
        """
        ...

    def start(self, container_id: str) -> None:
        """Also one that has ended: it runs once more, in the files that it left."""
        ...

    def ended_within(self, container_id: str, seconds: float) -> bool:
        """Whether it does not run, or not for longer than so many seconds. `EngineGone`."""
        ...

    def wait(self, container_id: str) -> Exit:
        """Blocks until the container has ended; returns at once when it already has."""
        ...

    def signal(self, container_id: str, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        """Sends a signal to the container's init; one that has ended is no error."""
        ...

    def execute(self, container_id: str, command: Sequence[str]) -> Answer:
        """Runs a command in a running container, as its user, to its end.

        A program that is not there ends with 126 or 127. Raises `EngineUnavailable` for a container
        that does not run; one that ends meanwhile takes the command with it.
        """
        ...

    def usage(self, container_id: str) -> Usage:
        """What a container has used since its start; `EngineUnavailable` if it does not run."""
        ...

    def enter(self, container_id: str, command: Sequence[str], *, terminal: bool) -> Session:
        """Runs a command in a running container, as `execute` does, and hands over its streams."""
        ...

    def pause(self, container_id: str) -> None:
        """Every process stops where it is, until `resume` or a signal."""
        ...

    def resume(self, container_id: str) -> None: ...

    def cut_off(self, container_id: str, network: str) -> None:
        """Nothing reaches the container any more, and it reaches nothing."""
        ...

    def join(self, container_id: str, network: str, ip: str) -> None:
        """Takes back what `cut_off` did."""
        ...

    def exhaust_memory(self, container_id: str) -> None:
        """The kernel kills the container's processes for memory, whatever it may have had."""
        ...

    def remove(self, container_id: str) -> None:
        """Kills if need be and removes; one that is not there is no error."""
        ...

    def unended(self) -> tuple[Leftover, ...]:
        """Containers of every home that carry our labels and have not ended.

        Also those that have not begun: somebody may have asked for it, and the engine be about to.
        """
        ...

    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        """Containers, then volumes and networks, whose label ``localdlc.home`` is ``home``."""
        ...


class EngineOver:
    """An engine over another: what a subclass does not do itself is the other's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
