"""A replica's companion: the container in its network that hands its questions on to us."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

from localdlc.errors import LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount
from localdlc.record.events import Note
from localdlc.record.names import short
from localdlc.run import relay
from localdlc.run.any_python import NO_PYTHON, in_any_python
from localdlc.run.engine import ContainerSpec, Engine, EngineOver, Exit
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.stage.desk import Desk
from localdlc.stage.image import BASE

__all__ = ["Accompanying"]

# Seconds that a replica's command waits for its credentials, and that a relay may take to be gone.
PATIENCE = 60.0
LEAVING = 15.0
FOLDER = "/run/localdlc"
WITHOUT = "there are no credentials at localhost:7002"


class Accompanying(EngineOver):
    """An engine that gives every replica a companion."""

    def __init__(
        self,
        engine: Engine,
        errands: Errands,
        desk: Desk,
        variables: Callable[[], str],
        post: Post,
    ) -> None:
        """``variables`` is what a replica's shell evaluates before the command."""
        super().__init__(engine)
        self._errands = errands
        self._desk = desk
        self._variables = variables
        self._post = post
        self._specs: dict[str, ContainerSpec] = {}
        self._companions: dict[str, Companion] = {}

    def create(self, spec: ContainerSpec) -> str:
        container = self._engine.create(spec)
        if "localdlc.pod" in spec.labels:
            self._specs[container] = spec
        return container

    def start(self, container: str) -> None:
        self._engine.start(container)
        if spec := self._specs.get(container):
            base = [BASE] if spec.image != BASE and self._engine.find_image(BASE) else []
            companion = Companion(spec, container, [spec.image, *base], self._desk, self._variables)
            self._companions[container] = companion
            companion.begin(self._errands, self._post)

    def wait(self, container: str) -> Exit:
        end = self._engine.wait(container)
        if companion := self._companions.pop(container, None):
            companion.leave()
        return end


class Companion:
    """Of one replica, from its start to its end. The first of ``images`` with a Python runs it."""

    def __init__(
        self,
        spec: ContainerSpec,
        container: str,
        images: Sequence[str],
        desk: Desk,
        variables: Callable[[], str],
    ) -> None:
        self._pod = spec.labels["localdlc.pod"]
        self._name = f"credentials-{short(self._pod, spec.labels['localdlc.job'])}"
        self._network = f"container:{container}"
        self._images = images
        self._desk = desk
        self._variables = variables
        self._settled = Flag()
        self._ready = False
        self._left = False
        self._said: list[str] = []
        self._threads: tuple[Thread, ...] = ()

    def begin(self, errands: Errands, post: Post) -> None:
        self._desk.admit(self._pod)
        self._threads = (
            Thread(target=self._relay, args=(errands, post), name=self._name, daemon=True),
            Thread(target=self._keep_the_gate, name=f"{self._name}-gate", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """The replica has ended: so does its relay, and nobody comes to the gate any more."""
        self._left = True
        self._settled.set()
        self._desk.hang_up(self._pod)
        gate = self._desk.turn_away(self._pod)
        for thread in self._threads:
            thread.join(LEAVING)
        if gate is not None:
            os.close(gate)

    def _keep_the_gate(self) -> None:
        """The command goes on when there is an answer to be had, or when there will be none."""
        self._settled.wait(PATIENCE)
        script = ""
        if self._ready:
            with suppress(LocaldlcError):  # fetched before: it has become unavailable meanwhile
                script = self._variables()
        self._desk.let_through(self._pod, script)

    def _relay(self, errands: Errands, post: Post) -> None:
        why = ""
        for image in self._images:
            why = self._attempt(errands, image)
            if self._ready or self._left:
                break
        if not self._left:
            words = f"{WITHOUT} any more" if self._ready else WITHOUT
            post(Note(f"{self._pod}: {words}: {why}"))
        self._settled.set()

    def _attempt(self, errands: Errands, image: str) -> str:
        """Runs the relay to its end; why it ended."""
        self._said.clear()
        folder = str(self._desk.socket(self._pod).parent)
        command = in_any_python(relay, f"{FOLDER}/desk")
        mounts = (Mount(folder, FOLDER, read_only=True),)
        errand = Errand(self._name, image, command, mounts=mounts, network=self._network)
        try:
            end = errands.run(errand, self._hear)
        except LocaldlcError as error:
            return str(error)
        if end.code in NO_PYTHON:
            return f"the image {image} has no python3 to relay them, and neither has {BASE}"
        return f"the relay ended with {end.code}: {' '.join(self._said[-1:])}"

    def _hear(self, line: str) -> None:
        if line == "ready":
            self._ready = True
            self._settled.set()
        else:
            self._said.append(line)
