"""Rehearsed faults, brought about when their time has come."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from threading import Event as Flag
from threading import Lock, Thread

from localdlc.errors import EngineUnavailable, LocaldlcError
from localdlc.plan.errand import Errand
from localdlc.plan.faults import Fault
from localdlc.plan.model import Plan
from localdlc.plan.pod import Rights
from localdlc.record.events import (
    Event,
    FaultInjected,
    Log,
    Note,
    ReplicaExited,
    ReplicaLost,
    ReplicaStarted,
)
from localdlc.run import delay
from localdlc.run.any_python import NO_PYTHON, in_any_python
from localdlc.run.engine import Engine, EngineOver, Exit
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post

__all__ = ["Faults"]

# A replica whose machine is taken away has not finished, however well it took its leave.
RECLAIMED = 143
NO_NETEM = "this machine's kernel has no netem (CONFIG_NET_SCH_NETEM); nothing is delayed"


class Faults:
    """Hears what happens in a job and does to it what was asked for, each once."""

    def __init__(self, plan: Plan, engine: Engine, errands: Errands, post: Post) -> None:
        self._plan = plan
        self._images = {replica.pod_id: replica.image for replica in plan.replicas}
        self._engine = engine
        self._errands = errands
        self._post = post
        self._waiting = list(plan.faults)
        self._running: dict[str, ReplicaStarted] = {}
        self._ended: dict[str, Flag] = {}
        self._tried: list[Fault] = []
        self._over = Flag()
        self._changing = Lock()
        self._reclaimed: set[str] = set()

    def heard(self, emit: Callable[[Event], None]) -> Callable[[Event], None]:
        """The same ``emit``, overheard."""

        def hear(event: Event) -> None:
            emit(event)
            match event:
                case ReplicaStarted():
                    self._on_started(event)
                case ReplicaExited() | ReplicaLost():
                    self._on_ended(event.pod_id)
                case Log() if self._waiting:
                    self._on_output(event)

        return hear

    def under(self, engine: Engine) -> Engine:
        """The same ``engine``, where nobody who was pre-empted has ended well."""
        return Reclaiming(engine, self._reclaimed)

    def leave(self, note: Callable[[str], None]) -> None:
        """The job is over: says what has not come about."""
        self._over.set()
        for fault in self._plan.faults:
            if fault not in self._tried:
                why = "its pattern never came" if fault.pattern else "its time never came"
                note(f"the fault {fault.text} did not come about: {why}, or the replica had ended")

    def _on_started(self, event: ReplicaStarted) -> None:
        with self._changing:
            self._running[event.pod_id] = event
            self._ended[event.container_id] = Flag()
        if event.attempt == 1:
            for fault in [f for f in self._waiting if f.pod_id == event.pod_id and not f.pattern]:
                self._begin(fault, fault.after)

    def _on_ended(self, pod_id: str) -> None:
        with self._changing:
            if replica := self._running.pop(pod_id, None):
                self._ended[replica.container_id].set()

    def _on_output(self, log: Log) -> None:
        mine = [f for f in self._waiting if f.pod_id == log.pod_id and f.pattern]
        text = log.data.decode("utf-8", "replace") if mine else ""
        for fault in mine:
            if fault.heard_in(text):
                self._begin(fault, 0.0)

    def _begin(self, fault: Fault, after: float) -> None:
        self._waiting.remove(fault)
        thread = Thread(target=self._bring, args=(fault, after), name=fault.text, daemon=True)
        thread.start()

    def _bring(self, fault: Fault, after: float) -> None:
        if after:
            self._over.wait(after)
        with self._changing:
            replica = self._running.get(fault.pod_id)
            if replica is None or self._over.is_set():
                return
            self._tried.append(fault)
        try:
            self._do(fault, replica, self._ended[replica.container_id])
        except LocaldlcError as error:
            self._post(Note(f"the fault {fault.text} did not come about: {error}"))

    def _do(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        """What can only fail as a whole is told afterwards, all else before it shows."""
        if fault.action == "net-delay":
            self._delay(fault, replica.container_id)
        self._post(FaultInjected(fault.pod_id, replica.attempt, fault.text, fault.words))
        act = {
            "kill": self._kill,
            "preempt": self._preempt,
            "oom": self._exhaust,
            "pause": self._pause,
            "net-cut": self._cut,
        }.get(fault.action)
        if act:
            act(fault, replica, over)

    def _kill(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        self._engine.signal(replica.container_id, "SIGKILL")

    def _preempt(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        self._reclaimed.add(replica.container_id)
        self._engine.signal(replica.container_id, "SIGTERM")
        if not over.wait(self._plan.grace_seconds):
            self._engine.signal(replica.container_id, "SIGKILL")

    def _exhaust(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        self._engine.exhaust_memory(replica.container_id)

    def _pause(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        self._engine.pause(replica.container_id)
        if fault.seconds is not None and not over.wait(fault.seconds):
            self._engine.resume(replica.container_id)

    def _cut(self, fault: Fault, replica: ReplicaStarted, over: Flag) -> None:
        network = self._plan.network.name
        self._engine.cut_off(replica.container_id, network)
        if fault.seconds is not None and not over.wait(fault.seconds):
            self._engine.join(replica.container_id, network, replica.ip)

    def _delay(self, fault: Fault, container: str) -> None:
        said: list[str] = []
        errand = Errand(
            f"delay-{self._plan.faults.index(fault)}",
            self._images[fault.pod_id],
            in_any_python(delay, str(fault.seconds)),
            network=f"container:{container}",
            user="0",
            rights=Rights(added=("NET_ADMIN",)),
        )
        code = self._errands.run(errand, said.append).code
        if code == delay.WITHOUT:
            raise EngineUnavailable(NO_NETEM)
        if code in NO_PYTHON:
            raise EngineUnavailable(f"{errand.image} has no python3 to ask the kernel with")
        if code:
            raise EngineUnavailable(" ".join(said) or f"netem was set with exit code {code}")


class Reclaiming(EngineOver):
    """An engine whose containers may be reclaimed."""

    def __init__(self, engine: Engine, reclaimed: Collection[str]) -> None:
        super().__init__(engine)
        self._reclaimed = reclaimed

    def wait(self, container_id: str) -> Exit:
        end = self._engine.wait(container_id)
        left_early = end.code == 0 and container_id in self._reclaimed
        return replace(end, code=RECLAIMED) if left_early else end
