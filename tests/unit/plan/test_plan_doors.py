"""A dashboard answers on this machine when somebody wants to see it, and only then."""

from __future__ import annotations

import pytest
from given import planned, request, short

from localdlc.plan.model import Door, Plan

RAY = request({"Worker": 2}, "RayJob")
ON_RAY = {"DataJuicerConfig": {"ExecutionMode": "distributed"}}


def doors(plan: Plan) -> dict[str, tuple[Door, ...]]:
    return {short(r.pod_id): r.doors for r in plan.replicas}


def test_nobody_asks_and_nothing_answers() -> None:
    plan = planned(RAY)
    assert doors(plan) == {"head-0": (), "worker-0": ()}
    assert not [note for note in plan.notes if "dashboard" in note]


@pytest.mark.parametrize("body", [RAY, request({"Worker": 2}, "DataJuicerJob", Settings=ON_RAY)])
def test_rays_dashboard_answers_at_the_port_that_is_asked_for(body: dict[str, object]) -> None:
    plan = planned(body, dashboard=9000)
    assert doors(plan) == {"head-0": (Door(8265, 9000),), "worker-0": ()}
    assert "the dashboard of head-0 answers at http://127.0.0.1:9000." in plan.notes
    assert "  answers at       127.0.0.1:9000 for its port 8265" in str(plan).splitlines()


def test_a_type_without_a_dashboard_is_told_of() -> None:
    plan = planned(request({"Worker": 2}), dashboard=8265)
    assert doors(plan) == {"master-0": (), "worker-0": ()}
    assert plan.notes == ("--dashboard: this type of job has none.",)
