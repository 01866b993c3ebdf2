"""Who gets another attempt, when, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from given import JOB_ID, exited, plan_of, planned, request, short

from localdlc.plan.model import Plan
from localdlc.plan.policy import Finish, GoOn, Restart, decide
from localdlc.plan.progress import Ended, Progress
from localdlc.plan.restarts import Monitoring, backoff
from localdlc.record.events import ReplicaExited, ReplicaLost

MASTER = f"{JOB_ID}-master-0"
WORKER = f"{JOB_ID}-worker-0"


def with_policy(plan: Plan, policy: str) -> Plan:
    return replace(plan, replicas=tuple(replace(r, restart_policy=policy) for r in plan.replicas))


def end(pod: str, code: int, attempt: int = 1, second: int = 0, oom: bool = False) -> ReplicaExited:
    finished = datetime(2026, 1, 1, second=second, tzinfo=UTC)
    return ReplicaExited(pod, attempt, code, oom, None, False, finished)


def decided(plan: Plan, *ends: Ended, **progress: Any) -> str:
    decision = decide(plan, Progress({e.pod_id: e for e in ends}, **progress))
    match decision:
        case Restart():
            return f"restarts {' '.join(map(short, decision.pods))} in {decision.after_seconds:g} s"
        case Finish():
            return decision.status
        case GoOn():
            return "goes on"


# policy, exit code, out of memory, what follows
POLICIES = [
    ("Never", 1, False, "Failed"),
    ("Never", 137, True, "Failed"),
    ("Never", 0, False, "Succeeded"),
    ("OnFailure", 1, False, "restarts master-0 in 1 s"),
    ("OnFailure", 139, False, "restarts master-0 in 1 s"),
    ("OnFailure", 0, False, "Succeeded"),
    ("Always", 0, False, "restarts master-0 in 1 s"),
    ("Always", 1, False, "restarts master-0 in 1 s"),
    ("ExitCode", 0, False, "Succeeded"),
    ("ExitCode", 1, True, "restarts master-0 in 1 s"),
    *(("ExitCode", code, False, "restarts master-0 in 1 s") for code in (130, 137, 138, 143)),
    *(("ExitCode", code, False, "Failed") for code in (1, 2, 3, 126, 127, 128, 129, 134, 139)),
    *(("ExitCode", code, False, "Failed") for code in (144, 245, 255)),
]


@pytest.mark.parametrize(("policy", "code", "oom", "follows"), POLICIES)
def test_the_table_of_restart_policies(policy: str, code: int, oom: bool, follows: str) -> None:
    plan = with_policy(plan_of({"Worker": 1}), policy)
    assert decided(plan, end(MASTER, code, oom=oom)) == follows


def test_the_request_says_the_policy_and_never_is_what_it_means_by_nothing() -> None:
    body = request({"Master": 1, "Worker": 2})
    body["JobSpecs"][1]["RestartPolicy"] = "ExitCode"
    policies = [(r.role, r.restart_policy) for r in planned(body).replicas]
    assert policies == [("master", "Never"), ("worker", "ExitCode"), ("worker", "ExitCode")]
    assert planned(body).restart_budget == 6


def test_each_attempt_waits_twice_as_long_and_the_fourth_is_the_last() -> None:
    plan = with_policy(plan_of({"Worker": 1}), "OnFailure")
    assert [decided(plan, end(MASTER, 1, attempt)) for attempt in (1, 2, 3, 4)] == [
        "restarts master-0 in 1 s",
        "restarts master-0 in 2 s",
        "restarts master-0 in 4 s",
        "Failed",
    ]


def test_nobody_waits_longer_than_half_a_minute() -> None:
    waits = [backoff(n) for n in (0, 1, 2, 3, 4, 5, 6, 10_000)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_replica_that_ended_well_is_not_told_to_have_failed() -> None:
    plan = with_policy(plan_of({"Worker": 1}), "Always")
    said = [decide(plan, Progress(ended={MASTER: end(MASTER, code)})) for code in (0, 1)]
    words = [
        one.reason_message.rpartition("because ")[2] for one in said if isinstance(one, Restart)
    ]
    assert words == ["1 Master replica(s) ended.", "1 Master replica(s) failed."]


def test_a_lost_replica_begins_anew_unless_its_exit_code_has_to_tell() -> None:
    lost = ReplicaLost(MASTER, 1, "gone")
    plan = plan_of({"Worker": 1})
    assert decided(with_policy(plan, "OnFailure"), lost) == "restarts master-0 in 1 s"
    assert decided(with_policy(plan, "ExitCode"), lost) == "Failed"


def test_a_failure_without_restart_goes_before_a_restart() -> None:
    plan = plan_of({"Worker": 2})
    master, worker = plan.replicas
    plan = replace(plan, replicas=(master, replace(worker, restart_policy="OnFailure")))
    ends = (end(WORKER, 1, second=1), end(MASTER, 1, second=2))
    assert decided(plan, ends[0]) == "restarts worker-0 in 1 s"
    assert decided(plan, *ends) == "Failed"


def test_of_two_that_failed_the_earlier_is_the_first_to_begin_anew() -> None:
    plan = with_policy(plan_of({"Worker": 2}), "OnFailure")
    ends = (end(WORKER, 1, second=1), end(MASTER, 1, second=2))
    assert decided(plan, *ends) == decided(plan, *ends[::-1]) == "restarts worker-0 in 1 s"


def test_success_goes_before_the_restart_of_somebody_else() -> None:
    plan = with_policy(plan_of({"Worker": 1, "PS": 1}, "TFJob"), "Always")
    worker = replace(plan.replicas[0], restart_policy="Never")
    plan = replace(plan, replicas=(worker, plan.replicas[1]))
    ends = exited(plan, {"worker-0": 0, "ps-0": 0})
    assert decided(plan, *ends.values()) == "Succeeded"


def test_the_words_of_a_restart_are_dlcs() -> None:
    plan = with_policy(plan_of({"Worker": 3}), "OnFailure")
    ends = exited(plan, {"worker-1": 1, "worker-0": 137})
    decision = decide(plan, Progress(ends))
    assert decision == Restart(
        (f"{JOB_ID}-worker-1",),
        1.0,
        f"PyTorchJob {JOB_ID} is restarting because 2 Worker replica(s) failed.",
        "worker-1 ended with exit code 1",
    )


# AIMaster


def monitored(**members: Any) -> Plan:
    return replace(plan_of({"Worker": 2}), monitoring=Monitoring(**members))


def test_aimaster_restarts_all_of_a_synchronous_training() -> None:
    plan = monitored(restarts=2)
    assert decided(plan, end(WORKER, 1)) == "restarts master-0 worker-0 in 1 s"
    assert decided(plan, end(WORKER, 1, 5), restarts=1) == "restarts master-0 worker-0 in 2 s"
    assert decided(plan, end(WORKER, 1), restarts=2) == "Failed"


def test_aimaster_restarts_what_failed_of_an_asynchronous_one() -> None:
    plan = monitored(restarts=2, together=False)
    assert decided(plan, end(WORKER, 1)) == "restarts worker-0 in 1 s"


def test_roles_have_no_say_where_aimaster_restarts() -> None:
    plan = with_policy(monitored(restarts=1), "Always")
    assert decided(plan, end(WORKER, 0)) == "goes on"
    assert decided(plan, end(WORKER, 0), end(MASTER, 0)) == "Succeeded"
    assert decided(plan, end(WORKER, 1), restarts=1) == "Failed"


def test_silence_restarts_or_fails_the_job() -> None:
    plan = monitored(restarts=1, silence=30.0)
    assert decided(plan, silent=True) == "restarts master-0 worker-0 in 1 s"
    assert decided(plan, silent=True, restarts=1) == "Failed"
    assert decided(monitored(restarts=0, silence=30.0), silent=True) == "Failed"
    assert decided(plan, end(MASTER, 0), end(WORKER, 0), silent=True) == "Succeeded"


def settings(arguments: str | None, *, on: bool = True, scale: float = 1.0) -> Plan:
    asked = {"EnableErrorMonitoringInAIMaster": on, "ErrorMonitoringArgs": arguments}
    return planned(request({"Worker": 1}, Settings=asked), time_scale=scale)


@pytest.mark.parametrize(
    ("arguments", "monitoring"),
    [
        (None, Monitoring(0)),
        ("--enable-job-restart true", Monitoring(3)),
        ("--enable-job-restart=True --max-num-of-job-restart=7", Monitoring(7)),
        ("--enable-job-restart --job-execution-mode Async", Monitoring(3, together=False)),
        ("--enable-job-restart true --execution-mode async", Monitoring(3, together=False)),
        ("--max-num-of-job-restart 7", Monitoring(0)),
        ("--enable-job-hang-detection true", Monitoring(0, silence=1800.0)),
        ("--enable-job-hang-detection true --job-hang-interval 60", Monitoring(0, silence=60.0)),
        (
            "--enable-log-hang-detection true --log-hang-interval-in-seconds 90",
            Monitoring(0, silence=90.0),
        ),
        ("--job-hang-interval 60", Monitoring(0)),
    ],
)
def test_the_arguments_of_aimaster(arguments: str | None, monitoring: Monitoring) -> None:
    assert settings(arguments).monitoring == monitoring


def test_aimaster_is_there_when_it_is_asked_for() -> None:
    assert settings("--enable-job-restart true", on=False).monitoring is None
    assert plan_of({"Worker": 1}).monitoring is None


def test_scaled_time_makes_aimaster_impatient() -> None:
    found = settings("--enable-job-hang-detection true", scale=60).monitoring
    assert found
    assert found.silence == 30.0


def test_what_has_no_effect_is_told() -> None:
    notes = settings("--enable-c4d-hang-detection true --job-restart-timeout 5").notes
    assert notes == (
        "ErrorMonitoringArgs: without effect here: --enable-c4d-hang-detection, "
        "--job-restart-timeout.",
        "AIMaster: without --enable-job-restart true it restarts nothing.",
    )


def test_always_on_a_role_that_must_end_well_is_told() -> None:
    body = request({"Worker": 1})
    body["JobSpecs"][0]["RestartPolicy"] = "Always"
    (note,) = planned(body).notes
    assert "Master: RestartPolicy Always restarts it also after exit code 0, 3 times" in note
