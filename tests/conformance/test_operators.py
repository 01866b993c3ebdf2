"""Cases of KubeDL and of PAI-DLC's own pages, by the id they have in the vectors they come from.

Left out: what decisions settle otherwise (PYTHONUNBUFFERED of pt-008 is 1 here, a job of Workers
alone gets a Master where st-155 has an error; KubeDL's own ranks of XGBoost; a Worker's failure
fails an MPIJob, too, where st-046 goes on) and what only a cluster has (evicted pods, indexes that
are too many, conditions beside a status).
KubeDL's empty policy is DLC's ChiefWorker.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from given import exited, plan_of, planned, request, short

from localdlc.plan.policy import Finish, Restart, decide
from localdlc.plan.progress import Progress
from localdlc.plan.startup import may_start
from localdlc.record.view import MOVES, TERMINAL

CASES = json.loads((Path(__file__).parent / "cases.json").read_text())
Case = dict[str, Any]


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=lambda case: case["id"])


@each("tf_config")
def test_tf_config(case: Case) -> None:
    namespace = f"t{case['user_id'] or 1}"
    body = request(case["roles"], "TFJob")
    plan = planned(body, case["job"], user_id=case["user_id"] or "1")
    cluster = {
        role: [f"{case['job']}-{pod}.{namespace}.svc:2222" for pod in pods]
        for role, pods in case["cluster"].items()
    }
    expected = {"cluster": cluster, "task": case["task"], "environment": "cloud"}
    env = next(r.env for r in plan.replicas if short(r.pod_id, case["job"]) == case["pod"])
    assert env["TF_CONFIG"] == json.dumps(expected, separators=(",", ":"))


@each("pytorch_env")
def test_pytorch_env(case: Case) -> None:
    plan = plan_of(case["roles"], job_id=case["job"])
    env = next(r.env for r in plan.replicas if short(r.pod_id, case["job"]) == case["pod"])
    assert {name: env[name] for name in case["env"]} == case["env"]


@each("xgboost_env")
def test_xgboost_env(case: Case) -> None:
    plan = plan_of(case["roles"], "XGBoostJob", job_id=case["job"])
    env = next(r.env for r in plan.replicas if short(r.pod_id, case["job"]) == case["pod"])
    assert {name: env[name] for name in case["env"]} == case["env"]


@each("replicas")
def test_replicas(case: Case) -> None:
    plan = plan_of(case["roles"], case["job_type"])
    assert Counter(r.role for r in plan.replicas) == case["expected"]


@each("status")
def test_status(case: Case) -> None:
    plan = plan_of(case["roles"], case["job_type"], SuccessPolicy=case["policy"])
    decision = decide(plan, Progress(exited(plan, case["ended"])))
    assert (decision.status if isinstance(decision, Finish) else "Running") == case["expected"]


@each("exit_code")
def test_exit_code(case: Case) -> None:
    body = request({"Worker": 1}, "TFJob")
    body["JobSpecs"][0]["RestartPolicy"] = "ExitCode"
    plan = planned(body)
    decision = decide(plan, Progress(exited(plan, {"chief-0": case["code"]})))
    assert isinstance(decision, Restart) is case["restarts"]


@each("dag")
def test_dag(case: Case) -> None:
    plan = plan_of(case["roles"], "TFJob")
    replica = next(r for r in plan.replicas if short(r.pod_id) == case["pod"])
    running = frozenset(f"{plan.job_id}-{pod}" for pod in case["running"])
    assert may_start(plan, replica, Progress(started=running)) is case["may_start"]


@each("final")
def test_the_first_verdict_is_final(case: Case) -> None:
    assert case["first"] in TERMINAL
    assert case["then"] not in MOVES.get(case["first"], frozenset())
