"""All checks, one after another, each as soon as it is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localdlc.config import Config, strangers
from localdlc.config.gpus import Gpu
from localdlc.doctor.check import Check
from localdlc.doctor.engine import engine_checks
from localdlc.doctor.gpus import gpu_check, runtime_check
from localdlc.doctor.machine import config_checks, memory_check, program_checks, room_check
from localdlc.doctor.trials import ground, trials
from localdlc.errors import EngineUnavailable, HomeError, LocaldlcError, ResourceError
from localdlc.run.engine import Engine, EngineFacts
from localdlc.run.engine_address import START

__all__ = ["examine"]

HOME_MEND = "`localdlc cache rm` makes room, or choose another --home."
ENGINE_ROOM_MEND = "`docker system df` shows what can go."


def examine(
    config: Config, environment: Mapping[str, str], engine: Callable[[], Engine], image: str
) -> Iterator[Check]:
    """``engine`` connects, or raises; ``image`` is what sample containers are made of.

    Nothing is left behind, not even a home that was not there.
    """
    yield from config_checks(config, strangers(environment))
    yield from program_checks()
    yield memory_check()
    yield room_check("home", config.home, HOME_MEND)
    gpus, found = gpu_check(config)
    yield found
    try:
        connected = engine()
        facts = connected.describe()
    except EngineUnavailable as error:
        yield Check("engine", "problem", str(error).splitlines()[0], START)
        yield Check("containers", "skipped", "there is no engine to try them on")
        return
    yield from engine_checks(facts)
    yield from engine_room(facts)
    if not all(gpu.devices for gpu in gpus):
        yield runtime_check(facts)
    yield from with_containers(config, connected, image, gpus)


def engine_room(facts: EngineFacts) -> Iterator[Check]:
    """Only where the engine's folder is this machine's."""
    if facts.folder and facts.address.startswith("unix://") and Path(facts.folder).is_dir():
        yield room_check("engine's room", Path(facts.folder), ENGINE_ROOM_MEND)


def with_containers(
    config: Config, engine: Engine, image: str, gpus: tuple[Gpu, ...]
) -> Iterator[Check]:
    if engine.find_image(image) is None:
        says = f"the image {image} is not there; what containers can do is not tried"
        yield Check("image", "warning", says, "localdlc image build")
        return
    yield Check("image", "ok", f"{image} is there")
    try:
        with home_as_it_was(config.home), ground(engine, config, image) as place:
            yield from trials(place, gpus, observed=config.gpu_inventory is None)
    except LocaldlcError as error:
        names: dict[type, str] = {ResourceError: "subnet", HomeError: "home"}
        yield Check(names.get(type(error), "containers"), "problem", str(error))


@contextmanager
def home_as_it_was(home: Path) -> Iterator[None]:
    there = home.exists()
    try:
        yield
    finally:
        if not there:
            shutil.rmtree(home, ignore_errors=True)
