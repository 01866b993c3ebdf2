"""One job from plan to verdict. The only threads are its preparation tasks and its followers.

Everything that happens arrives in one inbox and is handled on one thread: it is emitted, then
`decide` says what it means: a new attempt of some replicas, or the verdict. Once it is decided, the
rest is stopped, every stream is read to its end, the verdict is emitted, and everything that was
created is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from localdlc.errors import LocaldlcError
from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, Restart, decide, judged, overdue, stopped
from localdlc.plan.startup import awaited_ports
from localdlc.record.events import (
    ContainersKept,
    Event,
    JobCreated,
    JobFinished,
    Log,
    Note,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
    StatusChanged,
    StopRequested,
)
from localdlc.run.alarms import Alarms
from localdlc.run.attempts import Again, Attempts, followers
from localdlc.run.cleaning import clean, unheard
from localdlc.run.control import Control
from localdlc.run.engine import Engine
from localdlc.run.holding import Holding, prepare
from localdlc.run.images import image_tasks
from localdlc.run.inbox import Answered, Ended, Kill, Message, Post, Prepared
from localdlc.run.network import make_network
from localdlc.run.probes import Probes
from localdlc.run.sanity import Sanity
from localdlc.run.settings import Settings
from localdlc.run.signals import Signals
from localdlc.run.tasks import Task, begin

__all__ = ["Settings", "Supervisor", "Task"]


PREPARING = frozenset({"EnvPreparing", "SanityChecking"})
AWAITED = frozenset({"network", "sanity"})


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
        self._alarms = Alarms(settings.clock)
        follow = followers(engine, settings, self._inbox.post, self._signals)
        self._attempts = Attempts(plan, follow, self._signals, self._alarms)
        self._probes = Probes(engine, self._inbox.post, settings.reach)
        self._ports = awaited_ports(plan)
        self._status = ""
        self._finish: Finish | None = None
        self._error: LocaldlcError | None = None
        self._killing = self._unwanted = False
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
            self._probes.close()
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
        if self._finish is None and self._plan.sanity_check:
            self._move("SanityChecking")
            home, wanted = self._settings.home, lambda: self._finish is None
            self._through({"sanity": Sanity(self._engine, self._plan, home, wanted)})

    def _through(self, tasks: Mapping[str, Task]) -> None:
        missing = begin(tasks, self._inbox.post)
        # Once something failed or was stopped nobody waits for a long pull or clone; only for what
        # takes no time then, and must be known to be removed.
        calls = self._calls
        while missing and not (self._finish and missing.isdisjoint(AWAITED)) and not calls.given_up:
            message = self._next()
            if isinstance(message, Prepared):
                missing.discard(message.task)

    def _make_network(self, post: Post) -> None:
        settings = self._settings
        self._plan = make_network(self._engine, self._plan, settings.subnets, settings.home)

    # running

    def _begin_replicas(self) -> None:
        if self._plan.reserved:
            prepare(self._plan.reserved)
        self._attempts.begin(self._plan)

    def _watch(self) -> None:
        """Until every follower is through, and nothing is to begin anew."""
        while self._attempts.living and not self._calls.given_up:
            self._next()

    def _next(self) -> Message | None:
        """Reads and handles one message, or what the clock has to say."""
        times = (self._alarms.patience(), self._calls.patience())
        message = self._inbox.next(min((t for t in times if t is not None), default=None))
        self._handle(message)
        for alarm in self._alarms.due():
            self._ring(alarm)
        if late := self._calls.late():
            self._emit(Note(late))
        return message

    def _ring(self, alarm: object) -> None:
        match alarm:
            case "deadline":
                self._decided(overdue(self._plan))
            case "silence":
                self._decide(silent=True)
            case "kill":
                self._kill_all()
            case "kill", Again() as again:
                self._signals.send(self._attempts.running(again.pods), "SIGKILL")
            case Again():
                alarm.due = True
                self._begin_again()

    def _handle(self, message: Message | None) -> None:
        if isinstance(message, Event):
            self._emit(message)
        match message:
            case Prepared(error=error) | Ended(error=error):
                self._on_through(message, error)
            case StopRequested() | Kill():
                self._unwanted = True
                self._decided(stopped())
                if isinstance(message, Kill):
                    self._kill_all()
            case _:
                self._on_replica(message)

    def _on_replica(self, message: Message | None) -> None:
        match message:
            case Log():
                self._listen()
            case ReplicaStarted():
                self._on_started(message)
            case ReplicaExited() | ReplicaLost():
                self._on_ended(message)
            case Answered():
                self._attempts.answered(message.pod_id, message.attempt)
                self._attempts.release()

    def _on_started(self, event: ReplicaStarted) -> None:
        self._attempts.started(event)
        if self._finish or self._attempts.unwanted(event.pod_id):  # decided while it was starting
            name: Literal["SIGTERM", "SIGKILL"] = "SIGKILL" if self._killing else "SIGTERM"
            self._signals.send({event.pod_id: event.container_id}, name)
            return
        if port := self._ports.get(event.pod_id):
            self._probes.watch(event, port)
        if self._runs(event.pod_id):
            plan = self._plan
            if self._status in PREPARING and plan.deadline_seconds is not None:
                self._alarms.set("deadline", plan.deadline_seconds)
            self._move("Running", "JobRunning", f"{plan.job_type} {plan.job_id} is running.")
            self._listen()
        self._attempts.release()

    def _runs(self, pod_id: str) -> bool:
        """Whether the job runs because this replica has started."""
        if self._status in PREPARING:
            return self._attempts.decides(pod_id)
        return self._status == "Restarting" and not self._attempts.restarting

    def _listen(self) -> None:
        """A job that writes nothing for long may hang, if that is to be noticed."""
        watched = self._plan.monitoring
        if self._status == "Running" and watched and watched.silence is not None:
            self._alarms.set("silence", watched.silence)

    def _on_ended(self, event: ReplicaExited | ReplicaLost) -> None:
        self._probes.leave(event.pod_id)
        self._attempts.ended(event)
        if self._finish is None:
            self._decide()

    def _decide(self, *, silent: bool = False) -> None:
        while isinstance(
            decision := decide(self._plan, self._attempts.progress(silent=silent)), Restart
        ):
            self._restart(decision)
            silent = False
        if isinstance(decision, Finish):
            self._decided(decision)
        else:
            self._attempts.release()

    def _restart(self, decision: Restart) -> None:
        self._attempts.restart(decision)
        self._alarms.clear("silence")
        if self._status == "Running":
            self._move("Restarting", "JobRestarting", decision.reason_message)
        else:
            self._emit(Note(decision.reason_message))

    def _begin_again(self) -> None:
        for event in self._attempts.begin_again():
            self._emit(event)

    def _on_through(self, message: Message | None, error: LocaldlcError | None) -> None:
        if isinstance(message, Ended):
            self._attempts.through(message.pod_id)
            self._begin_again()
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
        self._alarms.clear_all()
        self._alarms.set("kill", self._plan.grace_seconds)
        if finish.status == "Stopped":
            self._move("Stopping", finish.reason_code, finish.reason_message)
        self._attempts.finish()
        self._signals.send(self._attempts.to_stop(), "SIGTERM")

    def _kill_all(self) -> None:
        self._killing = True
        self._alarms.clear("kill")
        self._signals.send(self._attempts.to_stop(), "SIGKILL")
        self._calls.hurry()

    def _give_up(self) -> None:
        owed = f"the engine was to {self._calls.waiting_for()} and has not answered"
        self._emit(Note(f"{owed}. `localdlc gc` removes what it still creates."))
        for pod, attempt in self._attempts.numbers().items():
            self._handle(ReplicaLost(pod, attempt, owed))

    def _conclude(self) -> None:
        """The verdict, before the cleaning: nobody should wait for the engine's housekeeping."""
        if self._calls.given_up:
            self._give_up()
        finish = self._finish or Finish("Failed", "InternalError", "The job ended undecided.")
        finish = judged(self._plan, finish, self._attempts.last())
        self._hold(finish)
        verdict = (finish.status, finish.reason_code, finish.reason_message)
        self._move(*verdict)
        seconds = round(self._settings.clock() - self._began, 3)
        self._emit(JobFinished(*verdict, finish.deciding_replica, seconds))

    def _hold(self, finish: Finish) -> None:
        """The verdict is known; replicas can be entered until the time is up or it is enough."""
        reserved = self._plan.reserved
        hurried = self._error or self._unwanted or self._calls.given_up
        if reserved is None or hurried or not reserved.holds(finish.status):
            return
        self._move(f"{finish.status}Reserving", finish.reason_code, finish.reason_message)
        held = Holding(self._engine, reserved, self._inbox, self._emit)
        held.hold(self._attempts.present(), self._settings.clock)

    def _break_down(self, error: BaseException) -> None:
        """Whoever listens may be the cause, and must not keep us from cleaning."""
        self._emit = unheard(self._emit)
        if not isinstance(error, Exception):  # somebody wants to be gone
            self._calls.leave()

    def _clean_up(self) -> None:
        for follower in self._attempts.followers:
            follower.cancel()  # all are through, unless something broke in the middle
        kept = self._attempts.kept(self._settings.keep)
        created = [follower for follower in self._attempts.followers if follower not in kept]
        made = self._plan.network.subnet is not None  # else that name is somebody else's network
        network = self._plan.network.name if made and not kept else None
        left = clean(self._engine, self._control, self._emit, created, network)
        if kept:
            self._emit(ContainersKept(tuple(follower.name for follower in kept)))
        for failure in left:
            self._emit(Note(f"{failure}. `localdlc gc` will remove it."))

    def _move(self, status: str, reason_code: str = "", reason_message: str = "") -> None:
        self._emit(StatusChanged(self._status, status, reason_code, reason_message))
        self._status = status
