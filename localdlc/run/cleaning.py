"""Removing what a job created. Each step stands alone; what cannot be removed is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread

from localdlc.errors import LocaldlcError, bug
from localdlc.record.events import Event, Note
from localdlc.run.control import Control
from localdlc.run.engine import Engine
from localdlc.run.follower import Follower
from localdlc.run.inbox import Cleared, Kill, Post
from localdlc.run.signals import HANDS

__all__ = ["clean", "unheard"]


def clean(
    engine: Engine,
    control: Control,
    emit: Callable[[Event], None],
    followers: Iterable[Follower],
    network: str | None,
) -> Sequence[str]:
    """Removes containers and network; returns a sentence for each thing that stays.

    In the background, because the engine may hang: what takes long is told meanwhile, and in a
    hurry it is not waited for.
    """
    calls = control.calls
    if calls.given_up:
        calls.leave()  # what is asked now has a chance of its own
    certain_first = sorted(followers, key=lambda follower: not follower.settled)
    arguments = (engine, certain_first, network, control.inbox.post)
    Thread(target=clear_and_tell, args=arguments, name="cleaning", daemon=True).start()
    while not calls.given_up:
        match control.inbox.next(calls.patience()):
            case Cleared(left=left):
                return left
            case Kill():
                calls.hurry()
            case Note() as note:
                emit(note)
        if late := calls.late():
            emit(Note(late))
    return [f"the engine was to {calls.waiting_for()} and has not answered"]


def clear_and_tell(
    engine: Engine, followers: Iterable[Follower], network: str | None, post: Post
) -> None:
    try:
        left = clear(engine, followers, network)
    except Exception as failure:  # noqa: BLE001 - in a thread nobody else would ever hear of it
        left = [str(bug(failure))]
    post(Cleared(left))


def clear(engine: Engine, followers: Iterable[Follower], network: str | None) -> list[str]:
    """Containers and network side by side.

    The network goes at the same time because the engine takes its time over it. It refuses while a
    container is still being taken off it, so it is tried once more when all of them are gone.
    """

    def remove(follower: Follower) -> str | None:
        container = follower.created()
        return failure(engine.remove, container) if container else None

    with ThreadPoolExecutor(HANDS, "localdlc-hand") as hands:
        early = hands.submit(failure, engine.remove_network, network) if network else None
        left = [words for words in hands.map(remove, followers) if words]
    if network and early and early.result():
        left += filter(None, [failure(engine.remove_network, network)])
    return left


def failure(step: Callable[[str], None], name: str) -> str | None:
    try:
        step(name)
    except LocaldlcError as error:
        return str(error)
    return None


def unheard(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """Tells whom it can."""

    def attempt(event: Event) -> None:
        with suppress(Exception):
            emit(event)

    return attempt
