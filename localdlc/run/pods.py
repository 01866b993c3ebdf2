"""A replica's pod: what runs before its main container and beside it, and the hooks of that.

For the supervisor a replica stays one container; this engine does the rest around it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any, Literal

from localdlc.errors import EngineUnavailable, InputError, LocaldlcError
from localdlc.plan.pod import Pod, Rights, SideContainer
from localdlc.record.events import Log, Note
from localdlc.run.engine import (
    Attachment,
    ContainerSpec,
    Engine,
    EngineOver,
    Exit,
    NotBegun,
    Stream,
)
from localdlc.run.inbox import Post
from localdlc.run.lines import pieces_of

__all__ = ["Pods"]

Signal = Literal["SIGTERM", "SIGKILL"]

# How a container ends that was told to stop before it had begun.
STOPPED = 143
# Seconds after a container's end within which its output is closed.
BRIEF = 1.0


class Pods(EngineOver):
    """An engine whose replicas are pods."""

    def __init__(self, engine: Engine, pods: dict[str, Pod], grace: float, post: Post) -> None:
        super().__init__(engine)
        self._pods = pods
        self._grace = grace
        self._post = post
        self._lives: dict[str, Life] = {}

    def create(self, spec: ContainerSpec) -> str:
        pod = self._pods.get(spec.labels.get("localdlc.pod", ""))
        if pod is None:
            return self._engine.create(spec)
        main = replace(
            spec,
            user=pod.rights.user,
            rights=spelled(pod.rights),
            labels={**pod.labels, **spec.labels},
        )
        container = self._engine.create(main)
        self._lives[container] = Life(self._engine, main, container, pod, self._grace, self._post)
        return container

    def take_over(self, spec: ContainerSpec, container: str) -> None:
        """A main container that another process has begun; nothing is around it any more."""
        pod = self._pods.get(spec.labels["localdlc.pod"])
        if pod:
            life = Life(self._engine, spec, container, pod, self._grace, self._post, begun=True)
            self._lives[container] = life

    def attach(self, container: str) -> Attachment:
        output = self._engine.attach(container)
        life = self._lives.get(container)
        return Output(output, life) if life else output

    def start(self, container: str) -> None:
        self._of(container, "start")(container)

    def wait(self, container: str) -> Exit:
        end: Exit = self._of(container, "wait")(container)
        return end

    def ended_within(self, container: str, seconds: float) -> bool:
        life = self._lives.get(container)
        early = life is not None and life.ended_early
        return early or self._engine.ended_within(container, seconds)

    def signal(self, container: str, name: Signal) -> None:
        self._of(container, "signal")(container, name)

    def remove(self, container: str) -> None:
        if life := self._lives.pop(container, None):
            life.leave(0.0)
        self._engine.remove(container)

    def _of(self, container: str, method: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._lives.get(container) or self._engine, method)
        return found


class Output:
    """A main container's output. Who closes it has heard of its end: the pod ends, too."""

    def __init__(self, output: Attachment, life: Life) -> None:
        self._output = output
        self._life = life

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        return iter(self._output)

    def close(self) -> None:
        self._output.close()
        self._life.leave()


class Life:
    """One attempt of one pod. Its methods are called on the threads of followers and signals."""

    def __init__(
        self,
        engine: Engine,
        main: ContainerSpec,
        container: str,
        pod: Pod,
        grace: float,
        post: Post,
        *,
        begun: bool = False,
    ) -> None:
        self._engine = engine
        self._main = main
        self._container = container
        self._pod = pod
        self._grace = grace
        self._post = post
        self._changing = Lock()
        self._left = Flag()
        self._told: Signal | None = None
        self._running: dict[str, str] = {}
        self._threads: list[Thread] = []
        self._begun = begun
        self._stopping = False
        self._early: Exit | None = None

    @property
    def ended_early(self) -> bool:
        """Whether the main container never ran, because one before it failed."""
        return self._early is not None

    # what the supervisor does with a replica

    def start(self, container: str) -> None:
        if self._begun:  # once more after its end, to be entered: nothing is around it any more
            self._engine.start(container)
            return
        for side in self._pod.first:
            # In the place of the main container: its address is free until that runs.
            end = self._follow(side, spec_of(self._main, side))
            if end is None or end.code:
                self._early = end or Exit(STOPPED, False, datetime.now(UTC))
                raise NotBegun(side.name)
        self._engine.start(container)
        self._begun = True
        for side in self._pod.beside:
            self._thread(side.name, self._accompany, side)
        if self._pod.after_start:
            self._thread("PostStart", self._after_start)

    def wait(self, container: str) -> Exit:
        return self._early or self._engine.wait(container)

    def signal(self, container: str, name: Signal) -> None:
        if not self._begun or name == "SIGKILL":
            self._tell_sides(name)
        if self._begun and name == "SIGTERM" and self._pod.before_stop and not self._stopping:
            self._stopping = True
            self._thread("PreStop", self._before_stop)
        else:
            self._engine.signal(container, name)

    def leave(self, grace: float | None = None) -> None:
        """The main container has ended: what runs beside it is stopped, and its output read."""
        self._left.set()
        self._tell_sides("SIGTERM")
        patience = self._grace if grace is None else grace
        deadline = datetime.now(UTC).timestamp() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - datetime.now(UTC).timestamp()))
        self._tell_sides("SIGKILL")
        for thread in self._threads:
            thread.join(max(patience, 1.0))

    def _tell_sides(self, name: Signal) -> None:
        with self._changing:
            self._told = name
            sides = list(self._running.values())
        for side in sides:
            self._engine.signal(side, name)

    # hooks

    def _after_start(self) -> None:
        if not self._hook("PostStart", self._pod.after_start):
            self._engine.signal(self._container, "SIGKILL")

    def _before_stop(self) -> None:
        self._hook("PreStop", self._pod.before_stop)
        self._engine.signal(self._container, "SIGTERM")

    def _hook(self, name: str, command: tuple[str, ...]) -> bool:
        """Whether it ended well; where it did not its last line is told."""
        try:
            said = self._engine.execute(self._container, command)
        except LocaldlcError as error:
            if self._told is None:
                self._note(f"{name} could not run: {error}")
            return False
        if said.code and self._told is None:
            last = said.output.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
            self._note(f"{name} ended with exit code {said.code}: {last}".rstrip(": "))
        return said.code == 0

    # containers beside the main one

    def _accompany(self, side: SideContainer) -> None:
        network = f"container:{self._container}"
        spec = replace(spec_of(self._main, side), network=network, ip="", hostname="", hosts=())
        try:
            self._follow(side, spec)
        except EngineUnavailable:  # a network that went with the main container cannot be joined
            if not self._left.wait(BRIEF):
                raise

    def _follow(self, side: SideContainer, spec: ContainerSpec) -> Exit | None:
        """Runs it to its end; None where it was not begun, because all is over."""
        container = self._engine.create(spec)
        try:
            with closing(self._engine.attach(container)) as output:
                if not self._start(side, container):
                    return None
                self._read(side, output)
            return self._ended(side, self._engine.wait(container))
        finally:
            with self._changing:
                self._running.pop(side.name, None)
            self._engine.remove(container)

    def _start(self, side: SideContainer, container: str) -> bool:
        with self._changing:
            if self._told:
                return False
            self._running[side.name] = container
        self._engine.start(container)
        if self._told:  # meanwhile
            self._engine.signal(container, self._told)
        return True

    def _read(self, side: SideContainer, output: Attachment) -> None:
        attempt = int(self._main.labels["localdlc.attempt"])
        name = f"{self._main.labels['localdlc.pod']}.{side.name}"
        for piece in pieces_of(output):
            self._post(Log(name, attempt, *piece))

    def _ended(self, side: SideContainer, end: Exit) -> Exit:
        if end.code and self._told is None:
            first = side in self._pod.first
            so = "; the main container does not run" if first else "; it does not count"
            self._note(f"the container {side.name} ended with exit code {end.code}{so}")
        return end

    def _note(self, text: str) -> None:
        self._post(Note(f"{self._main.labels['localdlc.pod']}: {text}"))

    def _thread(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        def attempt() -> None:
            try:
                work(*arguments)
            except LocaldlcError as error:
                self._note(f"{name}: {error}")

        thread = Thread(target=attempt, name=f"{self._main.name}.{name}", daemon=True)
        self._threads.append(thread)
        thread.start()


def spec_of(main: ContainerSpec, side: SideContainer) -> ContainerSpec:
    """A container of ``main``'s pod, under its address and names."""
    labels = {name: main.labels[name] for name in ("localdlc.job", "localdlc.home")}
    return ContainerSpec(
        name=f"{main.name}.{side.name}",
        hostname=main.hostname,
        image=side.image,
        command=(*side.command, *side.arguments),
        env=side.env,
        network=main.network,
        ip=main.ip,
        hosts=main.hosts,
        mounts=side.mounts,
        resources=side.resources,
        labels={**labels, "localdlc.errand": side.name},
        user=side.rights.user,
        folder=side.folder,
        after_entrypoint=not side.command,
        rights=spelled(side.rights),
    )


def spelled(rights: Rights) -> Rights:
    """With the text of its seccomp profile. Raises `InputError` for one that cannot be read."""
    if rights.seccomp in {"", "unconfined"}:
        return rights
    try:
        return replace(rights, seccomp=json.dumps(json.loads(Path(rights.seccomp).read_text())))
    except (OSError, ValueError) as error:
        raise InputError(f"the seccomp profile {rights.seccomp} cannot be read: {error}") from error
