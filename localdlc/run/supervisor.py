"""One job from plan to verdict. The only threads are its preparation tasks and its followers.

Everything that happens arrives in one inbox and is handled on one thread: it is emitted, then
`decide` says what it means. Once decided, the rest is stopped, every stream is read to its end, the
verdict is emitted, and everything that was created is removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Literal
from uuid import uuid4

from localdlc.errors import LocaldlcError
from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, GoOn, decide, judged, may_start, overdue, stopped
from localdlc.record.events import (
    ContainersKept,
    Event,
    JobCreated,
    JobFinished,
    Note,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)
from localdlc.run.cleaning import clean
from localdlc.run.containers import container_of, hosts
from localdlc.run.control import Control
from localdlc.run.engine import Engine
from localdlc.run.follower import Follower
from localdlc.run.images import image_tasks
from localdlc.run.inbox import Ended, Kill, Message, Post, Prepared
from localdlc.run.network import make_network
from localdlc.run.signals import Signals
from localdlc.run.tasks import Task, begin

__all__ = ["Settings", "Supervisor", "Task"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the supervisor must know beside the plan. ``home`` is the digest for labels."""

    home: str
    subnets: Sequence[IPv4Network]
    pull: str = "missing"
    keep: str = "never"
    clock: Callable[[], float] = time.monotonic
    new_uid: Callable[[], str] = field(default=lambda: str(uuid4()))


class Supervisor:
    """Runs one plan once. ``emit`` is called on the calling thread only."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        emit: Callable[[Event], None],
        settings: Settings,
        control: Control | None = None,
        tasks: Mapping[str, Task] | None = None,
        afterwards: Mapping[str, Task] | None = None,
    ) -> None:
        """``tasks`` bring the inputs, side by side, and ``afterwards`` what builds on all of them.

        Either may raise `InputError`.

        What ``engine`` owes an answer to is known, when ``control.calls`` watches it.
        """
        self._plan = plan
        self._engine = engine
        self._emit = emit
        self._settings = settings
        self._control = control or Control()
        self._inbox = self._control.inbox
        self._calls = self._control.calls
        self._signals = Signals(engine, self._inbox.post)
        self._tasks = tasks or {}
        self._afterwards = afterwards or {}
        self._replicas = {r.pod_id: r for r in plan.replicas}
        self._followers: dict[str, Follower] = {}
        self._released: set[str] = set()
        self._started: dict[str, str] = {}
        self._ended: dict[str, ReplicaExited | ReplicaLost] = {}
        self._living = 0
        self._status = ""
        self._finish: Finish | None = None
        self._error: LocaldlcError | None = None
        self._killing = False
        self._kill_at: float | None = None
        self._overdue_at: float | None = None
        self._began = settings.clock()

    def run(self) -> None:
        """From Creating to the verdict. Raises what kept the job from running at all."""
        plan = self._plan
        self._emit(JobCreated(plan.display_name, plan.job_type, len(plan.replicas)))
        self._move("Creating", "JobCreated")
        for event in (*map(Note, plan.notes), *filter(None, [plan.fidelity])):
            self._emit(event)
        try:
            self._prepare()
            if self._finish is None:
                self._begin_replicas()
                self._watch()
            self._conclude()
        except BaseException as error:
            self._break_down(error)
            raise
        finally:
            self._clean_up()
            self._signals.close()
        if self._error:
            raise self._error

    # preparation

    def _prepare(self) -> None:
        """Images, network and inputs, side by side."""
        self._move("EnvPreparing")
        self._through(
            {
                "network": self._make_network,
                **image_tasks(self._engine, self._plan, self._settings.pull),
                **self._tasks,
            }
        )
        if self._finish is None:
            self._through(self._afterwards)

    def _through(self, tasks: Mapping[str, Task]) -> None:
        missing = begin(tasks, self._inbox.post)
        # Once something failed or was stopped nobody waits for a long pull or clone; only for the
        # network, which takes no time and must be known to be removed.
        calls = self._calls
        while missing and not (self._finish and "network" not in missing) and not calls.given_up:
            message = self._next()
            if isinstance(message, Prepared):
                missing.discard(message.task)

    def _make_network(self, post: Post) -> None:
        settings = self._settings
        self._plan = make_network(self._engine, self._plan, settings.subnets, settings.home)

    # running

    def _begin_replicas(self) -> None:
        plan = self._plan
        names = hosts(plan)
        for replica in plan.replicas:
            follower = Follower(
                self._engine,
                container_of(plan, replica, self._settings.home, names, attempt=1),
                replica.pod_id,
                self._settings.new_uid(),
                self._inbox.post,
                self._signals.ended_by_us,
            )
            follower.begin()
            self._followers[replica.pod_id] = follower
            self._living += 1
        self._release()

    def _release(self) -> None:
        """Starts every replica whose upstream has come far enough."""
        started = frozenset(self._started)
        for replica in self._plan.replicas:
            waiting = replica.pod_id not in self._released
            if waiting and may_start(self._plan, replica, started, self._ended):
                self._released.add(replica.pod_id)
                self._followers[replica.pod_id].start()

    def _watch(self) -> None:
        """Until every follower is through."""
        while self._living and not self._calls.given_up:
            self._next()

    def _next(self) -> Message | None:
        """Reads and handles one message, or what the clock has to say."""
        message = self._inbox.next(self._patience())
        self._handle(message)
        self._look_at_the_clock()
        return message

    def _patience(self) -> float | None:
        """Seconds until the clock has something to say."""
        now = self._settings.clock()
        times = [at - now for at in (self._kill_at, self._overdue_at) if at is not None]
        times += [seconds for seconds in [self._calls.patience()] if seconds is not None]
        return max(0.0, min(times)) if times else None

    def _look_at_the_clock(self) -> None:
        now = self._settings.clock()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_all()
        if self._overdue_at is not None and now >= self._overdue_at:
            self._decided(overdue(self._plan))
        if late := self._calls.late():
            self._emit(Note(late))

    def _handle(self, message: Message | None) -> None:
        if isinstance(message, Event):
            self._emit(message)
        match message:
            case ReplicaStarted():
                self._on_started(message)
            case ReplicaExited() | ReplicaLost():
                self._on_ended(message)
            case StopRequested():
                self._decided(stopped())
            case Prepared(error=error) | Ended(error=error):
                self._on_through(message, error)
            case Kill():
                self._decided(stopped())
                self._kill_all()

    def _on_started(self, event: ReplicaStarted) -> None:
        self._started[event.pod_id] = event.container_id
        if self._finish:  # decided while it was starting
            name: Literal["SIGTERM", "SIGKILL"] = "SIGKILL" if self._killing else "SIGTERM"
            self._signals.send({event.pod_id: event.container_id}, name)
            return
        if self._status == "EnvPreparing" and self._replicas[event.pod_id].decides:
            plan = self._plan
            self._move("Running", "JobRunning", f"{plan.job_type} {plan.job_id} is running.")
            if plan.deadline_seconds is not None:
                self._overdue_at = self._settings.clock() + plan.deadline_seconds
        self._release()

    def _on_ended(self, event: ReplicaExited | ReplicaLost) -> None:
        self._ended[event.pod_id] = event
        if self._finish:
            return
        decision = decide(self._plan, self._ended)
        if isinstance(decision, GoOn):
            self._release()
        else:
            self._decided(decision)

    def _on_through(self, message: Message | None, error: LocaldlcError | None) -> None:
        if isinstance(message, Ended):
            self._living -= 1
        if error is None:
            return
        if self._finish:
            self._emit(Note(str(error)))
            return
        self._error = error
        self._decided(Finish("Failed", error.api_code, str(error)))

    # the end

    def _decided(self, finish: Finish) -> None:
        """The first decision stands. What still runs is stopped, what waits never starts."""
        if self._finish:
            return
        self._finish = finish
        self._overdue_at = None
        self._kill_at = self._settings.clock() + self._plan.grace_seconds
        if finish.status == "Stopped":
            self._move("Stopping", finish.reason_code, finish.reason_message)
        for pod_id, follower in self._followers.items():
            if pod_id not in self._released:
                follower.cancel()
        self._signals.send(self._running(), "SIGTERM")

    def _kill_all(self) -> None:
        self._killing = True
        self._kill_at = None
        self._signals.send(self._running(), "SIGKILL")
        self._calls.hurry()

    def _running(self) -> dict[str, str]:
        """PodIds and their containers."""
        return {pod: id_ for pod, id_ in self._started.items() if pod not in self._ended}

    def _give_up(self) -> None:
        owed = f"the engine was to {self._calls.waiting_for()} and has not answered"
        self._emit(Note(f"{owed}. `localdlc gc` removes what it still creates."))
        for pod in self._running():
            self._handle(ReplicaLost(pod, 1, owed))

    def _conclude(self) -> None:
        """The verdict, before the cleaning: nobody should wait for the engine's housekeeping."""
        if self._calls.given_up:
            self._give_up()
        finish = self._finish or Finish("Failed", "InternalError", "The job ended undecided.")
        finish = judged(self._plan, finish, self._ended)
        self._move(finish.status, finish.reason_code, finish.reason_message)
        self._emit(
            JobFinished(
                finish.status,
                finish.reason_code,
                finish.reason_message,
                finish.deciding_replica,
                round(self._settings.clock() - self._began, 3),
            )
        )

    def _break_down(self, error: BaseException) -> None:
        """Whoever listens may be the cause, and must not keep us from cleaning."""
        self._emit = unheard(self._emit)
        if not isinstance(error, Exception):  # somebody wants to be gone
            self._calls.leave()

    def _clean_up(self) -> None:
        for follower in self._followers.values():
            follower.cancel()  # all are through, unless something broke in the middle
        kept = [pod for pod in self._followers if self._keeps(pod)]
        created = [f for pod, f in self._followers.items() if pod not in kept]
        made = self._plan.network.subnet is not None  # else that name is somebody else's network
        network = self._plan.network.name if made and not kept else None
        left = clean(self._engine, self._control, self._emit, created, network)
        if kept:
            self._emit(ContainersKept(tuple(kept)))
        for failure in left:
            self._emit(Note(f"{failure}. `localdlc gc` will remove it."))

    def _keeps(self, pod_id: str) -> bool:
        end = self._ended.get(pod_id)
        failed = isinstance(end, ReplicaLost) or (
            isinstance(end, ReplicaExited) and end.exit_code != 0 and not end.stopped_by_us
        )
        return self._settings.keep == "always" or (self._settings.keep == "failed" and failed)

    def _move(self, status: str, reason_code: str = "", reason_message: str = "") -> None:
        self._emit(StatusChanged(self._status, status, reason_code, reason_message))
        self._status = status


def unheard(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """Tells whom it can."""

    def attempt(event: Event) -> None:
        with suppress(Exception):
            emit(event)

    return attempt
