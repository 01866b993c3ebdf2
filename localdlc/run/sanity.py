"""Settings.EnableSanityCheck: before any replica starts, its place is tried.

The engine answers, and a container in the place of each replica reaches the others by their names,
with the GPUs that it is to have. Where an image has no Python to try that with, it is not tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from threading import Lock

from localdlc.errors import EngineUnavailable
from localdlc.plan.model import Plan, ReplicaPlan
from localdlc.record.events import Note
from localdlc.run import greeter
from localdlc.run.any_python import NO_PYTHON, in_any_python
from localdlc.run.containers import container_of, hosts
from localdlc.run.engine import ContainerSpec, Engine
from localdlc.run.inbox import Post

__all__ = ["Sanity"]

# Replicas whose places are tried; it is to be a quick check.
MOST = 8
# Seconds for all to reach each other.
PATIENCE = 20.0
# How often it is looked whether the check is still wanted, in seconds.
EVERY = 0.2


class Sanity:
    """The check of one job. ``wanted`` is asked now and then; when it says no all ends."""

    def __init__(self, engine: Engine, plan: Plan, home: str, wanted: Callable[[], bool]) -> None:
        """``plan`` is placed; ``home`` the digest that marks containers as this home's."""
        self._engine = engine
        self._plan = plan
        self._home = home
        self._wanted = wanted
        self._chosen = plan.replicas[:MOST]
        self._running: set[str] = set()
        self._without_python: set[str] = set()
        self._changing = Lock()

    def __call__(self, post: Post) -> None:
        """Posts a note; raises `EngineUnavailable` with everything that is wrong."""
        began = time.monotonic()
        facts = self._engine.describe()
        with ThreadPoolExecutor(len(self._chosen), "sanity") as hands:
            found = [hands.submit(self._try, replica) for replica in self._chosen]
            while wait_for(found, EVERY).not_done:
                if self._without_python or not self._wanted():
                    self._end()
        wrong = [words for one in found for words in one.result()]
        if wrong and self._wanted() and not self._without_python:
            raise EngineUnavailable(f"the sanity check failed: {'; '.join(wrong)}")
        seconds = time.monotonic() - began
        engine = f"{facts.name} {facts.version} answers"
        post(Note(f"sanity check ({seconds:.1f} s): {engine}; {self._told()}"))

    def _told(self) -> str:
        if self._without_python:
            images = " and ".join(sorted(self._without_python))
            return f"whether replicas reach each other was not tried: no python3 in {images}."
        count = len(self._chosen)
        if count == 1:
            return "a container runs in the place of the replica."
        of = f" of {len(self._plan.replicas)}" if count < len(self._plan.replicas) else ""
        return f"the places of {count}{of} replicas reach each other by name."

    def _try(self, replica: ReplicaPlan) -> list[str]:
        """What is wrong with the place of a replica."""
        code, said = self._run(self._spec(replica))
        name = f"{replica.role}-{replica.index}"
        if code in NO_PYTHON:
            self._without_python.add(replica.image)
            return []
        if code and not said:
            said = [f"the check ended with exit code {code}"]
        return [f"{name}: {words}" for words in said] if code else []

    def _spec(self, replica: ReplicaPlan) -> ContainerSpec:
        main = container_of(self._plan, replica, self._home, hosts(self._plan), attempt=1)
        peers = [other.hostname for other in self._chosen if other is not replica]
        looks, expected = gpu_check(self._plan, main)
        return ContainerSpec(
            name=f"{main.name}.sanity",
            hostname=main.hostname,
            image=main.image,
            command=in_any_python(greeter, str(PATIENCE), *peers, before=looks),
            env=expected,
            network=main.network,
            ip=main.ip,
            hosts=main.hosts,
            mounts=(),
            resources=main.resources,
            gpus=main.gpus,
            labels={
                "localdlc.job": self._plan.job_id,
                "localdlc.home": self._home,
                "localdlc.errand": "sanity",
            },
        )

    def _run(self, spec: ContainerSpec) -> tuple[int, list[str]]:
        container = self._engine.create(spec)
        try:
            with closing(self._engine.attach(container)) as output:
                self._engine.start(container)
                with self._changing:
                    self._running.add(container)
                said = b"".join(block for _, block in output)
            code = self._engine.wait(container).code
            return code, said.decode("utf-8", "backslashreplace").splitlines()
        finally:
            with self._changing:
                self._running.discard(container)
            self._engine.remove(container)

    def _end(self) -> None:
        with self._changing:
            running = list(self._running)
        for container in running:
            self._engine.signal(container, "SIGKILL")


def gpu_check(plan: Plan, main: ContainerSpec) -> tuple[str, dict[str, str]]:
    """Shell lines by which a replica looks at its GPUs, and what they go by; of most jobs none."""
    if plan.pool is None or not main.gpus:
        return "", {}
    from localdlc.plan.gpu_environment import check
    from localdlc.plan.gpus import EXPECTED

    named = {name: value for name, value in main.env.items() if name == EXPECTED}
    return check(observed=plan.pool.observed), named
