"""One-off containers of a job, beside its replicas: started, listened to, waited for, removed.

They carry the job's labels, so that a sweep finds what a killed localdlc left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Condition, Thread

from localdlc.errors import EngineUnavailable, LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Resources
from localdlc.run.engine import ContainerSpec, Engine, Exit
from localdlc.run.lines import pieces_of

__all__ = ["Errands", "OnLine"]

# Seconds that an errand which was called off may take to be gone.
PATIENCE = 10.0

OnLine = Callable[[str], None]


class Errands:
    """The errands of one job. Safe to use from many threads."""

    def __init__(self, engine: Engine, job_id: str, home: str) -> None:
        """``home`` is the digest that marks containers as this home's."""
        self._engine = engine
        self._job_id = job_id
        self._home = home
        self._called_off = False
        self._under_way: dict[str, str | None] = {}
        self._changed = Condition()

    def run(self, errand: Errand, on_line: OnLine) -> Exit:
        """Runs it to its end, ``on_line`` for each line of either stream, without its newline.

        Raises `EngineUnavailable`, also when all errands were called off, and `ImageError` when
        it cannot become the image that it should.
        """
        with self._created(errand) as container:
            with closing(self._engine.attach(container)) as output:
                self._engine.start(container)
                self._note(errand, container)
                for piece in pieces_of(output):
                    tell(piece.data, on_line)
            end = self._engine.wait(container)
            if errand.becomes and not end.code:
                self._engine.commit(container, errand.becomes)
            return end

    def call_off(self) -> None:
        """Removes those under way, and lets none begin. Their `run` ends with 137 or raises.

        Waits until they are gone; an engine that hangs is not waited for, a sweep will find them.
        """
        with self._changed:
            self._called_off = True
            created = tuple(filter(None, self._under_way.values()))
        for container in created:
            Thread(target=self._kill, args=(container,), daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, PATIENCE)

    @contextmanager
    def _created(self, errand: Errand) -> Iterator[str]:
        """The container; removed here and nowhere else, so that it is gone when this is left."""
        self._note(errand, None)
        container = None
        try:
            container = self._engine.create(self._container_of(errand))
            self._note(errand, container)
            yield container
        finally:
            try:
                if container:
                    self._engine.remove(container)
            finally:
                with self._changed:
                    self._under_way.pop(errand.name, None)
                    self._changed.notify_all()

    def _note(self, errand: Errand, container: str | None) -> None:
        """Raises when all were called off meanwhile."""
        with self._changed:
            if self._called_off:
                raise EngineUnavailable(f"{errand.name} of {self._job_id} was called off")
            self._under_way[errand.name] = container

    def _kill(self, container: str) -> None:
        with suppress(LocaldlcError):  # told where it is waited for
            self._engine.signal(container, "SIGKILL")

    def _container_of(self, errand: Errand) -> ContainerSpec:
        return ContainerSpec(
            name=f"{self._job_id}-{errand.name}",
            hostname="",  # one that shares a network may have none of its own
            image=errand.image,
            command=errand.command,
            env=errand.env,
            network=errand.network,
            ip="",
            hosts=(),
            mounts=errand.mounts,
            resources=Resources(),
            labels={
                "localdlc.job": self._job_id,
                "localdlc.home": self._home,
                "localdlc.errand": errand.name,
            },
            user=errand.user,
            rights=errand.rights,
            processes=errand.processes,
        )


def tell(data: bytes, on_line: OnLine) -> None:
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        on_line(line)
