"""What a job leaves on this machine beside its logs: its layers, and files in the user's folders.

When it has ended, files that a container's root wrote are handed over, what it wrote over fetched
data is told and, if the user wants it, written back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from localdlc.config import Config
from localdlc.job.handover import Handover, writable
from localdlc.job.layers import Layer, Layers
from localdlc.job.writing_back import Upload, summary
from localdlc.plan.model import Plan
from localdlc.record.events import ContainersKept, Event, Note
from localdlc.record.store import home_digest
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.tasks import Task
from localdlc.stage.layer import Written, look, settle, work_of
from localdlc.stage.meter import counted, some

__all__ = ["Outputs", "told"]


class Outputs:
    """The outputs of one job, from before its first container to after its last."""

    def __init__(self, plan: Plan, config: Config, engine: Engine, errands: Errands) -> None:
        self._config = config
        self._job_id = plan.job_id
        self._uris = {i.source: i.fetch.uri for i in plan.inputs if i.fetch}
        self._layers = Layers(plan, engine, errands, home_digest(config.home))
        folders = sorted(set(writable(plan)))
        self._handover = Handover(plan.replicas[0].image, folders, errands, os.getuid())
        self._written: dict[Layer, Written] = {}
        self.kept = False

    def find(self) -> None:
        """Those of a job that another process has begun."""
        self._layers.find()

    def tasks(self) -> dict[str, Task]:
        """What must be known before the first container."""
        return {"owners": self._handover.look}

    def afterwards(self) -> dict[str, Task]:
        """What is done when data and images are there."""
        return {"layers": self._layers.make}

    def under(self, engine: Engine) -> Engine:
        """The same engine; what it creates writes into the layers."""
        return self._layers.under(engine)

    def heard(self, emit: Callable[[Event], None]) -> Callable[[Event], None]:
        """The same ``emit``, heard for containers that are kept."""

        def hear(event: Event) -> None:
            if isinstance(event, ContainersKept):
                self.kept = True
            emit(event)

        return hear

    def settle(self, emit: Callable[[Event], None]) -> None:
        """After the last container: hands over, and tells what was written where.

        Kept containers keep their volumes, and these their layers as they are.
        """
        failures = [] if self.kept else self._layers.remove()
        left = [f"{failure}. `localdlc gc` will remove it." for failure in failures]
        folders = [folder for path in self._layers.folders for folder in (path, work_of(path))]
        for words in (*left, *self._handover(folders)):
            emit(Note(words))
        for layer in self._layers.made:
            try:
                self._tell(layer, emit)
            except OSError as error:
                emit(Note(f"what the job wrote in {layer.folder} cannot be read: {error}"))

    def _tell(self, layer: Layer, emit: Callable[[Event], None]) -> None:
        written = (look if self.kept else settle)(layer.folder, layer.lower)
        self._written[layer] = written
        for sentence in told(self._uris[layer.data], layer.folder, written):
            emit(Note(sentence))

    def write_back(self, emit: Callable[[Event], None], *, succeeded: bool) -> None:
        """Uploads what the job wrote, if the user wants it; raises `InputError` if it cannot."""
        wanted = {layer: written for layer, written in self._written.items() if written.files}
        if not (wanted and self._config.write_back):
            return
        if not succeeded:
            emit(Note("nothing is written back: the job has not succeeded."))
            return
        for layer, written in wanted.items():
            upload = Upload(layer.folder, written, self._uris[layer.data], layer.single)
            upload(self._job_id, self._config, emit)


def told(uri: str, layer: Path, written: Written) -> Iterator[str]:
    """What the job wrote over one source and where it is, and what it would have deleted."""
    if written.files:
        names = some([name for name, _ in written.files])
        yield f"the job wrote {summary(written)} over {uri}, kept in {layer}: {names}"
    if written.deleted:
        count = counted(len(written.deleted))
        yield f"the job deleted {count} of its view of {uri}: {some(written.deleted)}"
