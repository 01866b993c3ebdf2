"""The attempts of a job's replicas: who waits, who runs, who has ended, and who begins anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.model import Plan, ReplicaPlan
from localdlc.plan.policy import Restart
from localdlc.plan.progress import Ended, Progress, failed
from localdlc.plan.startup import may_start
from localdlc.record.events import ReplicaRestarted, ReplicaStarted
from localdlc.run.alarms import Alarms
from localdlc.run.calls import Calls
from localdlc.run.containers import container_of, hosts
from localdlc.run.engine import Engine
from localdlc.run.follower import Follower
from localdlc.run.inbox import Post
from localdlc.run.outage import Outage
from localdlc.run.settings import Settings
from localdlc.run.signals import Signals

if TYPE_CHECKING:
    from localdlc.run.found import Found

__all__ = ["Again", "Attempts", "followers"]

Follow = Callable[[Plan, ReplicaPlan, int], Follower]
"""Makes the follower of an attempt, by its number. The plan is placed."""


def followers(
    engine: Engine, settings: Settings, post: Post, signals: Signals, calls: Calls
) -> Follow:
    """How to follow replicas on ``engine``."""
    outage = Outage(engine, calls, post, settings.engine_patience)

    def follow(plan: Plan, replica: ReplicaPlan, attempt: int) -> Follower:
        spec = container_of(plan, replica, settings.home, hosts(plan), attempt)
        uid = settings.new_uid()
        return Follower(
            engine, spec, replica.pod_id, uid, post, signals.ended_by_us, outage, attempt
        )

    return follow


@dataclass(eq=False)
class Again:
    """A restart that was decided: ``pods`` begin anew when all are gone and it is ``due``.

    ``number`` counts the restarts of the job.
    """

    pods: tuple[str, ...]
    reason: str
    number: int
    due: bool = False


class Attempts:
    """Used on one thread. Sets the alarms of restarts: an `Again`, and one to kill for it."""

    def __init__(self, plan: Plan, follow: Follow, signals: Signals, alarms: Alarms) -> None:
        self._plan = plan
        self._follow = follow
        self._signals = signals
        self._alarms = alarms
        self._replicas = {r.pod_id: r for r in plan.replicas}
        self._present: dict[str, Follower] = {}
        self._released: set[str] = set()
        self._started: dict[str, str] = {}
        self._answered: set[str] = set()
        self._ended: dict[str, Ended] = {}
        self._ends: dict[str, Ended] = {}
        self._agains: list[Again] = []
        self._restarts = 0
        self._through: set[str] = set()
        self._living = 0
        self.followers: list[Follower] = []

    # what happened

    def started(self, event: ReplicaStarted) -> None:
        self._started[event.pod_id] = event.container_id

    def answered(self, pod_id: str, attempt: int) -> None:
        if pod_id in self.running() and self._present[pod_id].attempt == attempt:
            self._answered.add(pod_id)

    def ended(self, event: Ended) -> None:
        self._ended[event.pod_id] = event
        self._ends[self._present[event.pod_id].name] = event

    def through(self, pod_id: str) -> None:
        """Its follower has nothing more to say, and all that was around it is gone."""
        self._living -= 1
        self._through.add(pod_id)

    # what is to happen

    def begin(self, plan: Plan) -> None:
        """Creates all at once; each starts when what it starts after has come far enough.

        ``plan`` is the same, placed.
        """
        self._plan = plan
        self._replicas = {r.pod_id: r for r in plan.replicas}
        for pod_id in self._replicas:
            self._begin(pod_id, 1)
        self.release()

    def take_over(self, plan: Plan, found: Found) -> None:
        """The same for what another process has begun; starts nothing."""
        self._plan = plan
        self._replicas = {r.pod_id: r for r in plan.replicas}
        self._restarts = found.restarts
        for one in found.containers:
            follower = self._follower(one.pod_id, one.attempt)
            follower.take_over(one)
            if one.released:
                self._released.add(one.pod_id)
            else:
                self._forget(one.pod_id)
            if one.end:
                self._started[one.pod_id] = one.id
                self._through.add(one.pod_id)
                self.ended(one.end)
            else:
                self._ended.pop(one.pod_id, None)
                self._living += 1

    def _begin(self, pod_id: str, attempt: int) -> None:
        self._follower(pod_id, attempt).begin()
        self._living += 1

    def _follower(self, pod_id: str, attempt: int) -> Follower:
        follower = self._follow(self._plan, self._replicas[pod_id], attempt)
        self._present[pod_id] = follower
        self.followers.append(follower)
        return follower

    def release(self) -> None:
        """Starts every replica whose upstream has come far enough."""
        progress = self.progress()
        for replica in self._plan.replicas:
            pod_id = replica.pod_id
            waiting = pod_id in self._present and pod_id not in self._released
            if waiting and not self.unwanted(pod_id) and may_start(self._plan, replica, progress):
                self._released.add(pod_id)
                self._present[pod_id].start()

    def restart(self, decision: Restart) -> None:
        """Those of its pods that had started begin anew; the others still wait for their turn.

        What runs of them is stopped first.
        """
        self._restarts += 1
        pods = tuple(pod for pod in decision.pods if pod in self._released)
        again = Again(pods, decision.reason, self._restarts)
        self._agains.append(again)
        self._alarms.set(again, decision.after_seconds)
        if running := self.running(pods):
            self._signals.send(running, "SIGTERM")
            self._alarms.set(("kill", again), self._plan.grace_seconds)

    def begin_again(self) -> Iterator[ReplicaRestarted]:
        """The new attempts of each restart whose time has come and whose pods are all gone."""
        for again in [a for a in self._agains if a.due and not self._under_way(a)]:
            self._agains.remove(again)
            self._alarms.clear(("kill", again))
            for pod_id in again.pods:
                attempt = self._present[pod_id].attempt + 1
                self._forget(pod_id)
                yield ReplicaRestarted(pod_id, attempt, again.reason, again.number)
                self._begin(pod_id, attempt)
            self.release()

    def _forget(self, pod_id: str) -> None:
        self._released.discard(pod_id)
        self._through.discard(pod_id)
        self._answered.discard(pod_id)
        self._started.pop(pod_id, None)
        self._ended.pop(pod_id, None)

    def _under_way(self, again: Again) -> bool:
        """A pod that was let start is on its way, runs, or is being cleared away."""
        return not self._through.issuperset(again.pods)

    def finish(self) -> None:
        """What waits never starts, and nothing begins anew."""
        self._agains.clear()
        for pod_id, follower in self._present.items():
            if pod_id not in self._released:
                follower.cancel()

    # what there is

    def progress(self, *, silent: bool = False) -> Progress:
        """A replica that is to begin anew has neither started nor ended."""
        again = {pod for one in self._agains for pod in one.pods}
        return Progress(
            ended={pod: end for pod, end in self._ended.items() if pod not in again},
            started=frozenset(self._started) - again,
            answered=frozenset(self._answered) - again,
            restarts=self._restarts,
            silent=silent,
        )

    def last(self) -> Progress:
        """How each replica has ended, also one that was to begin anew."""
        return Progress(ended=self._ended, restarts=self._restarts)

    @property
    def living(self) -> bool:
        """Whether there is anything to wait for."""
        return self._living > 0 or bool(self._agains)

    @property
    def restarting(self) -> bool:
        """Whether something is to begin anew and has not yet."""
        return bool(self._agains) or any(
            follower.attempt > 1 and pod not in self._started
            for pod, follower in self._present.items()
        )

    def decides(self, pod_id: str) -> bool:
        return self._replicas[pod_id].decides

    def unwanted(self, pod_id: str) -> bool:
        """Whether it is to begin anew, and so this attempt of it is not to run."""
        return any(pod_id in again.pods for again in self._agains)

    def running(self, pods: tuple[str, ...] | None = None) -> dict[str, str]:
        """PodIds and their containers, of ``pods`` or of all."""
        return {
            pod: container
            for pod, container in self._started.items()
            if pod not in self._ended and (pods is None or pod in pods)
        }

    def to_stop(self) -> dict[str, str]:
        """What runs, and what is on its way: before its main container a pod may take long."""
        coming = {
            pod: follower.container_id
            for pod, follower in self._present.items()
            if pod in self._released and pod not in self._started and follower.container_id
        }
        return {**coming, **self.running()}

    def present(self) -> dict[str, str]:
        """Containers of the latest attempts that have started: names and ids."""
        return {self._present[pod].name: container for pod, container in self._started.items()}

    def numbers(self) -> dict[str, int]:
        """PodIds that run, and their attempts."""
        return {pod: self._present[pod].attempt for pod in self.running()}

    def kept(self, keep: str) -> list[Follower]:
        """Whose containers stay after the end: of ``never``, ``failed`` or ``always``.

        One that never ran has left nothing, and would hold its GPUs like one that is to start.
        """
        return [
            one
            for one in self.followers
            if one.ran and (keep == "always" or (keep == "failed" and self._failed(one)))
        ]

    def _failed(self, follower: Follower) -> bool:
        return failed(self._ends.get(follower.name))
