"""What holds of every verdict, whatever ends arrive and in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from examples import tried
from given import plan_of
from hypothesis import given
from hypothesis import strategies as st

from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, Restart, decide
from localdlc.plan.progress import Ended, Progress
from localdlc.plan.restarts import Monitoring, budget
from localdlc.record.events import ReplicaExited, ReplicaLost

PLANS = [
    plan_of({"Worker": 3}),
    plan_of({"Worker": 1}),
    plan_of({"Chief": 1, "Worker": 2, "PS": 1}, "TFJob"),
    plan_of({"Chief": 1, "Worker": 2, "Evaluator": 1}, "TFJob", SuccessPolicy="ChiefWorker"),
    plan_of({"Worker": 2, "PS": 1}, "TFJob", SuccessPolicy="ChiefWorker"),
    plan_of({"Worker": 3}, "XGBoostJob"),
    plan_of({"Master": 1, "Worker": 2}, "ElasticBatchJob"),
    plan_of({"Head": 1, "Worker": 1, "Worker-a": 1}, "RayJob"),
]
MANY = tried(60)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOW = st.tuples(st.sampled_from([0, 0, 0, 1, 137, None]), st.integers(0, 3))


@st.composite
def jobs(draw: st.DrawFn, *, all_ended: bool = False) -> tuple[Plan, list[Ended]]:
    """A plan and ends of some or all of its replicas, in the order in which they are learnt."""
    plan = draw(st.sampled_from(PLANS))
    pods = [r.pod_id for r in plan.replicas]
    if not all_ended:
        pods = draw(st.lists(st.sampled_from(pods), unique=True))
    return plan, draw(st.permutations([end_of(pod, *draw(HOW)) for pod in pods]))


def end_of(pod: str, code: int | None, half_seconds: int) -> Ended:
    if code is None:
        return ReplicaLost(pod, 1, "gone")
    finished = START + timedelta(seconds=half_seconds / 2)
    return ReplicaExited(pod, 1, code, False, None, False, finished)


def after(ends: list[Ended]) -> Progress:
    return Progress({end.pod_id: end for end in ends})


@MANY
@given(jobs())
def test_the_order_in_which_ends_are_learnt_does_not_matter(
    job: tuple[Plan, list[Ended]],
) -> None:
    plan, ends = job
    assert decide(plan, after(ends)) == decide(plan, after(ends[::-1]))


@MANY
@given(jobs(), st.lists(st.sampled_from(["Never", "OnFailure", "Always", "ExitCode"]), min_size=9))
def test_nor_does_it_where_replicas_begin_anew(
    job: tuple[Plan, list[Ended]], policies: list[str]
) -> None:
    plan, ends = job
    replicas = zip(plan.replicas, policies, strict=False)
    plan = replace(plan, replicas=tuple(replace(r, restart_policy=p) for r, p in replicas))
    assert decide(plan, after(ends)) == decide(plan, after(ends[::-1]))


@MANY
@given(jobs(all_ended=True))
def test_a_job_whose_replicas_have_all_ended_is_decided(job: tuple[Plan, list[Ended]]) -> None:
    plan, ends = job
    assert isinstance(decide(plan, after(ends)), Finish)


@MANY
@given(jobs())
def test_a_failure_stays_one_until_every_decider_has_succeeded(
    job: tuple[Plan, list[Ended]],
) -> None:
    """And a success stays for ever: one end more never takes a verdict of success back."""
    plan, ends = job
    verdicts = [decide(plan, after(ends[:n])) for n in range(len(ends) + 1)]
    statuses = [v.status if isinstance(v, Finish) else "GoOn" for v in verdicts]
    ranks = [["GoOn", "Failed", "Succeeded"].index(status) for status in statuses]
    assert ranks == sorted(ranks)


@MANY
@given(jobs())
def test_a_verdict_names_a_replica_that_has_ended_so(job: tuple[Plan, list[Ended]]) -> None:
    plan, ends = job
    decision = decide(plan, after(ends))
    if isinstance(decision, Finish):
        end = after(ends).ended[decision.deciding_replica or ""]
        succeeded = isinstance(end, ReplicaExited) and end.exit_code == 0
        assert succeeded is (decision.status == "Succeeded")


@MANY
@given(jobs())
def test_success_is_exactly_that_every_decider_exited_0(job: tuple[Plan, list[Ended]]) -> None:
    plan, ends = job
    well = {e.pod_id for e in ends if isinstance(e, ReplicaExited) and e.exit_code == 0}
    decision = decide(plan, after(ends))
    expected = {r.pod_id for r in plan.replicas if r.decides} <= well
    assert (isinstance(decision, Finish) and decision.status == "Succeeded") is expected


POLICIES = st.sampled_from(["Never", "OnFailure", "Always", "ExitCode"])
CODES = st.sampled_from([0, 1, 137])


@MANY
@given(st.data())
def test_whatever_replicas_do_there_is_a_verdict_after_a_bounded_number_of_attempts(
    data: st.DataObject,
) -> None:
    """A job whose replicas all end, begin anew as decided, and end again."""
    plan = data.draw(st.sampled_from(PLANS))
    policies = data.draw(st.tuples(*(POLICIES for _ in plan.replicas)))
    replicas = tuple(
        replace(r, restart_policy=p) for r, p in zip(plan.replicas, policies, strict=True)
    )
    watched = data.draw(st.sampled_from([None, Monitoring(2), Monitoring(2, together=False)]))
    plan = replace(plan, replicas=replicas, monitoring=watched)
    attempts = {r.pod_id: 1 for r in plan.replicas}
    ended: dict[str, Ended] = {}
    restarts = 0
    while True:
        for pod in attempts.keys() - ended.keys():
            code = data.draw(CODES)
            ended[pod] = ReplicaExited(pod, attempts[pod], code, False, None, False, START)
        decision = decide(plan, Progress(ended, frozenset(attempts), restarts=restarts))
        if isinstance(decision, Finish):
            break
        assert isinstance(decision, Restart)
        assert 1 <= decision.after_seconds <= 30
        restarts += 1
        for pod in decision.pods:
            attempts[pod] += 1
            del ended[pod]
    assert restarts <= (2 if watched else budget(plan))
