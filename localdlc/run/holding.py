"""Replicas that have ended, held so that one can enter them: JobReservedMinutes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from localdlc.errors import LocaldlcError
from localdlc.plan.reservation import MARK, Reservation
from localdlc.record.events import Event, Note, StopRequested
from localdlc.run.alarms import Alarms
from localdlc.run.engine import Engine
from localdlc.run.inbox import Inbox, Kill
from localdlc.run.signals import HANDS

__all__ = ["Holding", "discard", "prepare"]

# Seconds that held replicas may take to be gone.
PATIENCE = 15.0


def prepare(reserved: Reservation) -> None:
    """Before any container is created: where they will look is there, and says nothing yet."""
    folder = Path(reserved.folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def discard(reserved: Reservation) -> None:
    """When nobody looks there any more, whether or not anybody was held."""
    shutil.rmtree(reserved.folder, ignore_errors=True)


class Holding:
    """The held replicas of one job, in the containers in which they ran."""

    def __init__(
        self, engine: Engine, reserved: Reservation, inbox: Inbox, emit: Callable[[Event], None]
    ) -> None:
        self._engine = engine
        self._reserved = reserved
        self._inbox = inbox
        self._emit = emit

    def hold(self, containers: Mapping[str, str], clock: Callable[[], float]) -> None:
        """Until the time is up or somebody has had enough; ``containers`` by their names."""
        seconds = self._reserved.seconds
        alarms = Alarms(clock)
        alarms.set("over", seconds)
        (Path(self._reserved.folder) / MARK).touch()
        hands = ThreadPoolExecutor(HANDS, "localdlc-holding")
        begun = [hands.submit(self._begin, *each) for each in containers.items()]
        names = ", ".join(containers)
        self._emit(Note(f"held for {seconds:g} s or until stopped, to be entered: {names}"))
        while "over" not in alarms.due():
            message = self._inbox.next(alarms.patience())
            if isinstance(message, Event):
                self._emit(message)
            if isinstance(message, StopRequested | Kill):
                break
        wait(begun, PATIENCE)  # or one that is only about to start would outlive its end
        wait([hands.submit(self._end, one) for one in containers.values()], PATIENCE)
        hands.shutdown(wait=False, cancel_futures=True)

    def _begin(self, name: str, container: str) -> None:
        try:
            self._engine.start(container)
        except LocaldlcError as error:
            self._inbox.post(Note(f"{name} cannot be entered: {error}"))

    def _end(self, container: str) -> None:
        """Killed, and seen to be: whoever accompanies it then leaves, too."""
        try:
            self._engine.signal(container, "SIGKILL")
            self._engine.wait(container)
        except LocaldlcError as error:
            self._inbox.post(Note(str(error)))
