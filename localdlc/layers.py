"""One writable layer a job over each fetched data source that it may write to.

Layers are made when the first container is created: then the data is there, and an image to try
the engine with. All replicas share them. What the engine cannot mount is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, cast

from localdlc.errors import EngineUnavailable, LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount, Plan
from localdlc.record.events import Event, Note
from localdlc.run.engine import ContainerSpec, Engine, Overlay
from localdlc.run.errands import Errands
from localdlc.stage import layer as folders

__all__ = ["Layer", "Layers"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that was made over ``data`` (a mount's source), which is at ``lower`` in the cache.

    Containers mount ``source``: a volume by its name, or the folder or file that is a copy.
    """

    data: str
    folder: Path
    lower: Path
    source: str

    @property
    def single(self) -> bool:
        """Whether the data is one file."""
        return self.lower.is_file()


class Layers:
    """The layers of one job. Safe to use from many threads."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        errands: Errands,
        home: str,
        post: Callable[[Event], None],
    ) -> None:
        """``home`` is the digest that marks what is ours on the engine."""
        self._engine = engine
        self._errands = errands
        self._labels = {"localdlc.job": plan.job_id, "localdlc.home": home}
        self._job_id = plan.job_id
        self._post = post
        self._wanted = True
        self._making = Lock()
        self._data = {m.layer: m.source for r in plan.replicas for m in r.mounts if m.layer}
        self._volumes: set[str] = set()
        self._failure: LocaldlcError | None = None
        self._made: dict[str, Layer] = {}

    @property
    def made(self) -> tuple[Layer, ...]:
        """Those that were made; none before the first container, or if it failed."""
        return tuple(self._made.values())

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of all of them, made or not."""
        return tuple(map(Path, self._data))

    def under(self, engine: Engine) -> Engine:
        """The same engine; what it creates writes into the layers."""
        return cast(Engine, Layered(engine, self.mounted)) if self._data else engine

    def mounted(self, spec: ContainerSpec) -> ContainerSpec:
        """The container with its layers. Makes them, the first time; may raise `InputError`."""
        if not any(mount.layer for mount in spec.mounts):
            return spec
        with self._making:
            if self._failure:
                raise self._failure
            if not self._made:
                self._make_once(spec.image)
        return replace(spec, mounts=tuple(map(self._instead, spec.mounts)))

    def _instead(self, mount: Mount) -> Mount:
        return Mount(self._made[mount.layer].source, mount.target, False) if mount.layer else mount

    def call_off(self) -> None:
        """Ends a copy that is under way."""
        self._wanted = False

    def remove(self) -> list[str]:
        """Removes the volumes; what was written stays. Returns a sentence for each that stays."""
        return [told for told in map(self._not_removed, sorted(self._volumes)) if told]

    def _not_removed(self, volume: str) -> str | None:
        try:
            self._engine.remove_volume(volume)
        except LocaldlcError as error:
            return str(error)
        self._volumes.discard(volume)
        return None

    def _make_once(self, image: str) -> None:
        try:
            self._make(image)
        except LocaldlcError as error:
            self._failure = error
            raise

    def _make(self, image: str) -> None:
        places = [(data, Path(layer), Path(data).resolve()) for layer, data in self._data.items()]
        made = [self._overlay(*place) for place in places if place[2].is_dir()]
        if made and (refusal := self._refused(made, image)):
            self._post(Note(f"the engine cannot lay a writable layer over data ({refusal})"))
            for layer in made:
                self._not_removed(layer.source)
                folders.clear(layer.folder)
            made = []
        over = {layer.folder for layer in made}
        made += [self._copy(*place) for place in places if place[1] not in over]
        self._made = {str(layer.folder): layer for layer in made}

    def _overlay(self, data: str, folder: Path, lower: Path) -> Layer:
        folders.begin(folder, lower)
        upper, work = folder.resolve(), folders.work_of(folder).resolve()
        volume = f"localdlc-{self._job_id}-{folder.name}"
        self._volumes.add(volume)
        self._engine.create_volume(volume, Overlay(str(lower), str(upper), str(work)), self._labels)
        return Layer(data, folder, lower, volume)

    def _refused(self, made: Iterable[Layer], image: str) -> str | None:
        """Whether the engine can mount it shows only when it does."""
        mounts = tuple(Mount(one.source, f"/layers/{one.folder.name}", False) for one in made)
        errand = Errand("layers", image, ("/bin/sh", "-c", ":"), mounts=mounts, user="0")
        try:
            self._errands.run(errand, lambda _: None)
        except EngineUnavailable as error:
            return str(error)
        return None

    def _copy(self, data: str, folder: Path, lower: Path) -> Layer:
        source = folders.copy(folder, lower, lambda: self._wanted)
        self._post(Note(f"the job writes into a copy of its own of {lower}, in {folder}"))
        return Layer(data, folder, lower, str(source))


class Layered:
    """An engine whose containers are ``mounted`` before they are created."""

    def __init__(self, engine: Engine, mounted: Callable[[ContainerSpec], ContainerSpec]) -> None:
        self._engine = engine
        self._mounted = mounted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def create(self, spec: ContainerSpec) -> str:
        return self._engine.create(self._mounted(spec))
