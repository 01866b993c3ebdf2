"""CredentialConfig in the plan: a mount and a gate for every replica, and words about it."""

from __future__ import annotations

from typing import Any

from given import HOME, JOB_ID, planned, request

from localdlc.plan.injection import Grant

ITEMS = [
    {"Key": "0", "Type": "Role", "Roles": [{"RoleArn": "acs:ram::1:role/a", "Policy": "{}"}]},
    {"Key": "1", "Type": "Role", "Roles": [{"RoleType": "service"}]},
]


def body(**members: Any) -> dict[str, Any]:
    config = {"EnableCredentialInject": True, "CredentialConfigItems": ITEMS, **members}
    return request({"Worker": 2}, CredentialConfig=config)


def test_every_replica_is_shown_its_own_folder_and_waits_at_its_gate() -> None:
    plan = planned(body(), credentials="p")
    folder = f"{HOME}/jobs/{JOB_ID}/credentials"
    shown = {r.pod_id: (r.mounts[0].source, r.mounts[0].target) for r in plan.replicas}
    assert shown == {r.pod_id: (f"{folder}/{r.pod_id}", "/run/localdlc") for r in plan.replicas}
    assert all(r.mounts[0].read_only for r in plan.replicas)
    assert all('eval "$(cat /run/localdlc/gate)"' in r.command[-2] for r in plan.replicas)
    assert plan.injection
    assert plan.injection.grants == (Grant("0", (("acs:ram::1:role/a", "{}"),)), Grant("1", ()))


def test_without_it_nothing_is_mounted_and_nobody_waits() -> None:
    for config in (None, {"EnableCredentialInject": False}):
        plan = planned(request({"Worker": 1}, CredentialConfig=config), credentials="p")
        assert plan.injection is None
        assert plan.replicas[0].mounts == ()
        assert "gate" not in " ".join(plan.replicas[0].command)


def test_without_a_profile_the_plan_says_that_all_is_refused() -> None:
    assert any("refused inside the replicas" in note for note in planned(body()).notes)
    assert not [n for n in planned(body(), credentials="p").notes if "Credential" in n]


def test_a_key_to_export_that_no_item_has_is_told() -> None:
    plan = planned(body(AliyunEnvRoleKey="7"), credentials="p")
    assert "CredentialConfig.AliyunEnvRoleKey: there is no item '7'." in plan.notes
