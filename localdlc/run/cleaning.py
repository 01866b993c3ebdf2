"""Removing what a job created. Each step stands alone; what cannot be removed is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor

from localdlc.errors import LocaldlcError
from localdlc.run.engine import Engine

__all__ = ["clear"]


def clear(
    engine: Engine, hands: Executor, containers: Iterable[str], network: str | None
) -> list[str]:
    """Removes containers and network side by side; returns a sentence for each thing that stays.

    The network goes at the same time because the engine takes its time over it. It refuses while a
    container is still being taken off it, so it is tried once more when all of them are gone.
    """
    early = hands.submit(failure, engine.remove_network, network) if network else None
    left = [words for words in hands.map(lambda c: failure(engine.remove, c), containers) if words]
    if network and early and early.result():
        left += filter(None, [failure(engine.remove_network, network)])
    return left


def failure(step: Callable[[str], None], name: str) -> str | None:
    try:
        step(name)
    except LocaldlcError as error:
        return str(error)
    return None
