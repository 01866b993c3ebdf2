"""One job from plan to verdict. The only threads are its preparation tasks and its followers.

It prepares what replicas need, lets them take their course, reads every stream to its end, emits
the verdict, and removes everything that was created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, judged
from localdlc.record.events import ContainersKept, Event, JobCreated, JobFinished, Note
from localdlc.run.cleaning import clean, unheard
from localdlc.run.control import Control
from localdlc.run.course import Course
from localdlc.run.engine import Engine
from localdlc.run.holding import Holding, discard, prepare
from localdlc.run.images import image_tasks
from localdlc.run.inbox import Post, Prepared
from localdlc.run.network import make_network
from localdlc.run.settings import Settings
from localdlc.run.tasks import Task, begin

if TYPE_CHECKING:
    from localdlc.run.found import Found

__all__ = ["Preparation", "Supervisor"]

AWAITED = frozenset({"network", "sanity"})


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done for a job before its first replica is created.

    ``tasks`` bring the inputs, side by side, and ``afterwards`` what builds on all of them; either
    may raise `InputError`. ``placed`` hears the plan as it is carried out, addresses and all.

    ``admit`` is called before all that, gives the plan what it asks of this machine, and may take
    its time: it posts `JobQueued` then, and raises `ResourceError` for what cannot be had.
    """

    tasks: Mapping[str, Task] = field(default_factory=dict)
    afterwards: Mapping[str, Task] = field(default_factory=dict)
    placed: Callable[[Plan], None] = lambda plan: None
    admit: Callable[[Plan, Post], Plan] | None = None


class Supervisor:
    """Runs one plan once. ``emit`` is called on the calling thread only."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        emit: Callable[[Event], None],
        settings: Settings,
        control: Control | None = None,
        preparation: Preparation | None = None,
    ) -> None:
        """What ``engine`` owes an answer to is known, when ``control.calls`` watches it."""
        self._plan = plan
        self._engine = engine
        self._settings = settings
        self._control = control or Control()
        self._calls = self._control.calls
        self._preparation = preparation or Preparation()
        self._course = Course(plan, engine, emit, settings, self._control)
        self._began = settings.clock()

    def run(self) -> None:
        """From Creating to the verdict. Raises what kept the job from running at all."""
        plan = self._plan
        self._course.emit(JobCreated(plan.display_name, plan.job_type, len(plan.replicas)))
        self._course.move("Creating", "JobCreated")
        for event in (*map(Note, plan.notes), *filter(None, [plan.fidelity])):
            self._course.emit(event)
        self._to_the_end(self._prepare_and_begin)

    def carry_on(self, found: Found) -> None:
        """A job whose supervisor is gone, from where it is; its plan is placed."""
        self._began -= found.age
        self._to_the_end(lambda: self._course.take_over(self._plan, found))

    def _to_the_end(self, begin: Callable[[], None]) -> None:
        try:
            begin()
            self._course.watch()
            self._conclude()
        except BaseException as error:
            self._break_down(error)
            raise
        finally:
            self._clean_up()
            self._course.close()
        if self._course.error:
            raise self._course.error

    # preparation

    def _prepare_and_begin(self) -> None:
        if admit := self._preparation.admit:
            self._through({"room": lambda post: self._take(admit(self._plan, post))})
        if self._course.finish is None:
            self._prepare()
        if self._course.finish is None:
            self._begin_replicas()

    def _take(self, plan: Plan) -> None:
        self._plan = plan

    def _prepare(self) -> None:
        """Images, network and inputs, side by side."""
        queued = self._course.status == "Queuing"
        self._course.move("EnvPreparing", "JobDequeued" if queued else "")
        self._through(
            {
                "network": self._make_network,
                **image_tasks(self._engine, self._plan, self._settings.pull),
                **self._preparation.tasks,
            }
        )
        if self._course.finish is None:
            self._through(self._preparation.afterwards)
        if self._course.finish is None and self._plan.sanity_check:
            from localdlc.run.sanity import Sanity

            self._course.move("SanityChecking")
            home, wanted = self._settings.home, lambda: self._course.finish is None
            self._through({"sanity": Sanity(self._engine, self._plan, home, wanted)})

    def _through(self, tasks: Mapping[str, Task]) -> None:
        missing = begin(tasks, self._control.inbox.post)
        # Once something failed or was stopped nobody waits for a long pull or clone; only for what
        # takes no time then, and must be known to be removed.
        course, calls = self._course, self._calls
        while (
            missing and not (course.finish and missing.isdisjoint(AWAITED)) and not calls.given_up
        ):
            message = course.next()
            if isinstance(message, Prepared):
                missing.discard(message.task)

    def _make_network(self, post: Post) -> None:
        settings = self._settings
        self._plan = make_network(self._engine, self._plan, settings.subnets, settings.home)

    def _begin_replicas(self) -> None:
        if self._plan.reserved:
            prepare(self._plan.reserved)
        self._preparation.placed(self._plan)
        self._course.begin(self._plan)

    # the end

    def _conclude(self) -> None:
        """The verdict, before the cleaning: nobody should wait for the engine's housekeeping."""
        if self._calls.given_up:
            self._course.give_up()
        finish = self._course.finish or Finish(
            "Failed", "InternalError", "The job ended undecided."
        )
        finish = judged(self._plan, finish, self._course.attempts.last())
        if finish.status == "Succeeded":
            self._course.has_run()
        self._hold(finish)
        verdict = (finish.status, finish.reason_code, finish.reason_message)
        self._course.move(*verdict)
        seconds = round(self._settings.clock() - self._began, 3)
        self._course.emit(JobFinished(*verdict, finish.deciding_replica, seconds))

    def _hold(self, finish: Finish) -> None:
        """The verdict is known; replicas can be entered until the time is up or it is enough."""
        reserved = self._plan.reserved
        hurried = self._course.error or self._course.unwanted or self._calls.given_up
        if reserved is None or hurried or not reserved.holds(finish.status):
            return
        self._course.move(f"{finish.status}Reserving", finish.reason_code, finish.reason_message)
        held = Holding(self._engine, reserved, self._control.inbox, self._course.emit)
        held.hold(self._course.attempts.present(), self._settings.clock)

    def _break_down(self, error: BaseException) -> None:
        """Whoever listens may be the cause, and must not keep us from cleaning."""
        self._course.emit = unheard(self._course.emit)
        if not isinstance(error, Exception):  # somebody wants to be gone
            self._calls.leave()

    def _clean_up(self) -> None:
        for follower in self._course.attempts.followers:
            follower.cancel()  # all are through, unless something broke in the middle
        kept = self._course.attempts.kept(self._settings.keep)
        created = [follower for follower in self._course.attempts.followers if follower not in kept]
        made = self._plan.network.subnet is not None  # else that name is somebody else's network
        network = self._plan.network.name if made and not kept else None
        left = clean(self._engine, self._control, self._course.emit, created, network)
        if self._plan.reserved:
            discard(self._plan.reserved)
        if kept:
            self._course.emit(ContainersKept(tuple(follower.name for follower in kept)))
        for failure in left:
            self._course.emit(Note(f"{failure}. `localdlc gc` will remove it."))
