"""One writable layer a job over each fetched data source that it may write to.

All replicas share it. What the engine cannot mount is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from localdlc.errors import EngineUnavailable, LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount, Plan
from localdlc.record.events import Note
from localdlc.run.engine import ContainerSpec, Engine, EngineOver, Overlay
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.stage import layer as folders

__all__ = ["Layer", "Layers"]

# Seconds that a copy which is called off may take to end.
PATIENCE = 10.0


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

    def __init__(self, plan: Plan, engine: Engine, errands: Errands, home: str) -> None:
        """``home`` is the digest that marks what is ours on the engine."""
        self._engine = engine
        self._errands = errands
        self._labels = {"localdlc.job": plan.job_id, "localdlc.home": home}
        self._job_id = plan.job_id
        self._image = plan.replicas[0].image
        self._wanted = True
        self._making = Lock()
        self._uris = {brought.source: brought.uri for brought in plan.inputs}
        self._data = {m.layer: m.source for r in plan.replicas for m in r.mounts if m.layer}
        self._volumes: set[str] = set()
        self._made: dict[str, Layer] = {}

    @property
    def made(self) -> tuple[Layer, ...]:
        """Those that were made: all of them, or none."""
        return tuple(self._made.values())

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of all of them, made or not."""
        return tuple(map(Path, self._data))

    def make(self, post: Post) -> None:
        """When data and images are there. Raises `InputError` when there is no room for a copy."""
        with self._making:
            if self._data and self._wanted:
                self._make(post)

    def find(self) -> None:
        """Those that another process has made; their volumes are there, or never were."""
        for layer, data in self._data.items():
            folder, volume = Path(layer), f"localdlc-{self._job_id}-{Path(layer).name}"
            self._volumes.add(volume)
            self._made[layer] = Layer(data, folder, Path(data).resolve(), volume)

    def under(self, engine: Engine) -> Engine:
        """The same engine; what it creates writes into the layers."""
        return Layered(engine, self._mounted) if self._data else engine

    def _mounted(self, spec: ContainerSpec) -> ContainerSpec:
        return replace(spec, mounts=tuple(map(self._instead, spec.mounts)))

    def _instead(self, mount: Mount) -> Mount:
        return Mount(self._made[mount.layer].source, mount.target, False) if mount.layer else mount

    def remove(self) -> list[str]:
        """Removes the volumes; what was written stays. Returns a sentence for each that stays."""
        self._wanted = False  # a copy that is under way ends
        if self._making.acquire(timeout=PATIENCE):
            self._making.release()
        return [told for told in map(self._not_removed, sorted(self._volumes)) if told]

    def _not_removed(self, volume: str) -> str | None:
        try:
            self._engine.remove_volume(volume)
        except LocaldlcError as error:
            return str(error)
        self._volumes.discard(volume)
        return None

    def _make(self, post: Post) -> None:
        places = [(data, Path(layer), Path(data).resolve()) for layer, data in self._data.items()]
        made = self._overlays([place for place in places if place[2].is_dir()], post)
        over = {layer.folder for layer in made}
        made += [self._copy(*place, post) for place in places if place[1] not in over]
        self._made = {str(layer.folder): layer for layer in made}

    def _overlays(self, places: list[tuple[str, Path, Path]], post: Post) -> list[Layer]:
        """One over each folder, or none at all where the engine cannot."""
        try:
            made = [self._overlay(*place) for place in places]
            self._mount(made)
        except EngineUnavailable as refusal:
            post(Note(f"the engine cannot lay a writable layer over data ({refusal})"))
            for volume in sorted(self._volumes):
                self._not_removed(volume)
            for _, folder, _ in places:
                folders.clear(folder)
            return []
        return made

    def _overlay(self, data: str, folder: Path, lower: Path) -> Layer:
        folders.begin(folder, lower)
        upper, work = folder.resolve(), folders.work_of(folder).resolve()
        volume = f"localdlc-{self._job_id}-{folder.name}"
        self._volumes.add(volume)
        overlay = Overlay(str(lower), str(upper), str(work), folders.may_be_told(folder))
        self._engine.create_volume(volume, overlay, self._labels)
        return Layer(data, folder, lower, volume)

    def _mount(self, made: Iterable[Layer]) -> None:
        """Whether the engine can mount them shows only when it does."""
        mounts = tuple(Mount(one.source, f"/layers/{one.folder.name}", False) for one in made)
        errand = Errand("layers", self._image, ("/bin/sh", "-c", ":"), mounts=mounts, user="0")
        if mounts:
            self._errands.run(errand, lambda _: None)

    def _copy(self, data: str, folder: Path, lower: Path, post: Post) -> Layer:
        source = folders.copy(folder, lower, lambda: self._wanted)
        why = ", as no layer lies over a single file" if lower.is_file() else ""
        post(Note(f"{self._uris[data]}: the job writes into a copy of its own, in {folder}{why}"))
        return Layer(data, folder, lower, str(source))


class Layered(EngineOver):
    """An engine whose containers are ``mounted`` before they are created."""

    def __init__(self, engine: Engine, mounted: Callable[[ContainerSpec], ContainerSpec]) -> None:
        super().__init__(engine)
        self._mounted = mounted

    def create(self, spec: ContainerSpec) -> str:
        return self._engine.create(self._mounted(spec))
