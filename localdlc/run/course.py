"""The course of one job: whatever happens is told, and may become a decision.

Everything arrives in one inbox and is handled on one thread: it is emitted, then `decide` says what
it means: a new attempt of some replicas, or the end. Once that is decided, the rest is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from localdlc.errors import LocaldlcError
from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, Restart, decide, overdue, stopped
from localdlc.plan.startup import awaited_ports
from localdlc.record.events import (
    Event,
    JobQueued,
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
from localdlc.run.control import Control
from localdlc.run.engine import Engine
from localdlc.run.inbox import Answered, Ended, Kill, Message, Prepared, Returned
from localdlc.run.probes import Probes
from localdlc.run.settings import Settings
from localdlc.run.signals import Signals

if TYPE_CHECKING:
    from localdlc.run.found import Found

__all__ = ["PREPARING", "Course"]

PREPARING = frozenset({"EnvPreparing", "SanityChecking"})


class Course:
    """Used on one thread, on which ``emit`` is called, too.

    ``finish`` is what was decided, ``error`` what kept the job from running, and ``unwanted`` says
    that somebody has had enough of it.
    """

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        emit: Callable[[Event], None],
        settings: Settings,
        control: Control,
    ) -> None:
        self.plan = plan
        self.emit = emit
        self.status = ""
        self.finish: Finish | None = None
        self.error: LocaldlcError | None = None
        self.unwanted = False
        self._killing = False
        self._inbox = control.inbox
        self._calls = control.calls
        self._signals = Signals(engine, control.inbox.post)
        self._alarms = Alarms(settings.clock)
        follow = followers(engine, settings, control.inbox.post, self._signals, control.calls)
        self.attempts = Attempts(plan, follow, self._signals, self._alarms)
        self._probes = Probes(engine, control.inbox.post, settings.reach)
        self._ports = awaited_ports(plan)

    def begin(self, plan: Plan) -> None:
        """All replicas are created; ``plan`` is the same, placed."""
        self.plan = plan
        self.attempts.begin(plan)

    def take_over(self, plan: Plan, found: Found) -> None:
        """The same for a job that another process has begun, from where it is."""
        self.plan, self.status = plan, found.status
        if plan.deadline_seconds is not None and found.status not in {"Creating", *PREPARING}:
            self._alarms.set("deadline", max(0.0, plan.deadline_seconds - found.running))
        if found.told_at:
            going = (one.id for one in found.containers if not one.end)
            self._signals.were_told(going, found.told_at)
        self.attempts.take_over(plan, found)
        for one in found.containers:
            if one.start and not one.end:
                self._on_started(one.start)
        if found.stopped:
            self.unwanted = True
            self.decided(stopped())
        self._listen()
        if self.finish is None:
            self._decide()

    def watch(self) -> None:
        """Until every follower is through, and nothing is to begin anew."""
        while self.attempts.living and not self._calls.given_up:
            self.next()

    def next(self) -> Message | None:
        """Reads and handles one message, or what the clock has to say."""
        times = (self._alarms.patience(), self._calls.patience())
        message = self._inbox.next(min((t for t in times if t is not None), default=None))
        self._handle(message)
        for alarm in self._alarms.due():
            self._ring(alarm)
        if late := self._calls.late():
            self.emit(Note(late))
        return message

    def _ring(self, alarm: object) -> None:
        match alarm:
            case "deadline":
                self.decided(overdue(self.plan))
            case "silence":
                self._decide(silent=True)
            case "kill":
                self._kill_all()
            case "kill", Again() as again:
                self._signals.send(self.attempts.running(again.pods), "SIGKILL")
            case Again():
                alarm.due = True
                self._begin_again()

    def _handle(self, message: Message | None) -> None:
        if isinstance(message, JobQueued) and self.status == "Creating":
            self.move("Queuing", "JobEnqueued")
        if isinstance(message, Event):
            self.emit(message)
        match message:
            case Prepared(error=error) | Ended(error=error):
                self._on_through(message, error)
            case StopRequested() | Kill():
                self.unwanted = True
                self.decided(stopped())
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
                self.attempts.answered(message.pod_id, message.attempt)
                self.attempts.release()
            case Returned() if self.finish:
                self._stop(self.attempts.running((message.pod_id,)))

    def _on_started(self, event: ReplicaStarted) -> None:
        self.attempts.started(event)
        if self.finish or self.attempts.unwanted(event.pod_id):  # decided while it was starting
            self._stop({event.pod_id: event.container_id})
            return
        if port := self._ports.get(event.pod_id):
            self._probes.watch(event, port)
        if self._runs(event.pod_id):
            if self.status in PREPARING and self.plan.deadline_seconds is not None:
                self._alarms.set("deadline", self.plan.deadline_seconds)
            self._move_on()
            self._listen()
        self.attempts.release()

    def _stop(self, replicas: Mapping[str, str]) -> None:
        self._signals.send(replicas, "SIGKILL" if self._killing else "SIGTERM")

    def _runs(self, pod_id: str) -> bool:
        """Whether the job runs because this replica has started."""
        if self.status in PREPARING:
            return self.attempts.decides(pod_id)
        return self.status == "Restarting" and not self.attempts.restarting

    def _listen(self) -> None:
        """A job that writes nothing for long may hang, if that is to be noticed."""
        watched = self.plan.monitoring
        if self.status == "Running" and watched and watched.silence is not None:
            self._alarms.set("silence", watched.silence)

    def _on_ended(self, event: ReplicaExited | ReplicaLost) -> None:
        self._probes.leave(event.pod_id)
        self.attempts.ended(event)
        if self.finish is None:
            self._decide()

    def _decide(self, *, silent: bool = False) -> None:
        while isinstance(
            decision := decide(self.plan, self.attempts.progress(silent=silent)), Restart
        ):
            self._restart(decision)
            silent = False
        if isinstance(decision, Finish):
            self.decided(decision)
        else:
            self.attempts.release()

    def _restart(self, decision: Restart) -> None:
        self.attempts.restart(decision)
        self._alarms.clear("silence")
        if self.status == "Running":
            self.move("Restarting", "JobRestarting", decision.reason_message)
        else:
            self.emit(Note(decision.reason_message))

    def _begin_again(self) -> None:
        for event in self.attempts.begin_again():
            self.emit(event)

    def _on_through(self, message: Message | None, error: LocaldlcError | None) -> None:
        if isinstance(message, Ended):
            self.attempts.through(message.pod_id)
            self._begin_again()
        if error is None:
            return
        if self.finish:
            self.emit(Note(str(error)))
            return
        self.error = error
        self.decided(Finish("Failed", error.api_code, str(error)))

    # the end

    def decided(self, finish: Finish) -> None:
        """The first decision stands. What still runs is stopped, what waits never starts."""
        if self.finish:
            return
        self.finish = finish
        self._alarms.clear_all()
        self._alarms.set("kill", self.plan.grace_seconds)
        if finish.status == "Stopped" and self.status != "Stopping":
            self.move("Stopping", finish.reason_code, finish.reason_message)
        self.attempts.finish()
        self._signals.send(self.attempts.to_stop(), "SIGTERM")

    def _kill_all(self) -> None:
        self._killing = True
        self._alarms.clear("kill")
        self._signals.send(self.attempts.to_stop(), "SIGKILL")
        self._calls.hurry()

    def give_up(self) -> None:
        """The engine has not answered for too long: what still runs is lost."""
        owed = f"the engine was to {self._calls.waiting_for()} and has not answered"
        self.emit(Note(f"{owed}. `localdlc gc` removes what it still creates."))
        for pod, attempt in self.attempts.numbers().items():
            self._handle(ReplicaLost(pod, attempt, owed))

    def has_run(self) -> None:
        """What has succeeded has run, also when a failure was heard of before its start."""
        if self.status in PREPARING:
            self._move_on()

    def _move_on(self) -> None:
        plan = self.plan
        self.move("Running", "JobRunning", f"{plan.job_type} {plan.job_id} is running.")

    def move(self, status: str, reason_code: str = "", reason_message: str = "") -> None:
        self.emit(StatusChanged(self.status, status, reason_code, reason_message))
        self.status = status

    def close(self) -> None:
        self._signals.close()
        self._probes.close()
