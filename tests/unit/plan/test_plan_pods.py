"""ExtraPodSpec and ServiceSpec as a plan has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from given import HOME, JOB_ID, planned, request

from localdlc.plan.model import Mount, Plan
from localdlc.plan.pod import Pod
from localdlc.plan.secrets import masked_by_name, secrets_of_request

SECRET = {"Name": "API_KEY", "Value": "s3cr3t-1"}


def plan(roles: dict[str, int | None] | None = None, **pod: Any) -> Plan:
    body = request(roles or {"Worker": 1})
    body["JobSpecs"][0]["ExtraPodSpec"] = pod
    return planned(body, image_map={"side:1": "mine:1"})


def pod(**members: Any) -> Pod:
    return plan(**members).replicas[0].pod


def test_a_replica_without_extras_is_its_container_alone() -> None:
    [replica] = plan().replicas
    assert replica.pod == Pod()
    assert "pod" not in replica.to_json()


def test_containers_without_a_name_are_numbered_and_images_mapped() -> None:
    found = pod(
        InitContainers=[{"Image": "side:1"}, {"Image": "other:1", "Name": "b"}],
        SideCarContainers=[{"Image": "side:1", "Args": ["x"]}],
    )
    assert [(side.name, side.image) for side in found.first] == [
        ("init-0", "mine:1"),
        ("b", "other:1"),
    ]
    assert [(side.name, side.arguments) for side in found.beside] == [("sidecar-0", ("x",))]


def test_a_shared_folder_is_of_one_replica_and_for_all_its_containers() -> None:
    made = plan(
        {"Worker": 2}, SharedVolumeMountPaths=["/a/", "/b"], InitContainers=[{"Image": "i"}]
    )
    folders = [replica.pod.shared for replica in made.replicas]
    place = HOME / "jobs" / JOB_ID / "shared" / f"{JOB_ID}-master-0"
    assert folders[0] == (
        Mount(str(place / "0"), "/a", False),
        Mount(str(place / "1"), "/b", False),
    )
    assert not set(folders[0]) & set(folders[1])
    for replica in made.replicas:
        assert replica.pod.first[0].mounts == replica.pod.shared
        assert set(replica.pod.shared) <= set(replica.mounts)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"Type": "RuntimeDefault"}, ""),
        ({"Type": "Unconfined"}, "unconfined"),
        ({"Type": "Localhost", "LocalhostProfile": "p.json"}, "/var/lib/kubelet/seccomp/p.json"),
        ({"Type": "Localhost", "LocalhostProfile": "/etc/p.json"}, "/etc/p.json"),
    ],
)
def test_a_seccomp_profile_is_found_where_a_node_has_it(asked: dict[str, str], meant: str) -> None:
    assert pod(MainContainerSecurityContext={"SeccompProfile": asked}).rights.seccomp == meant


def test_a_secret_of_a_side_container_is_shown_nowhere() -> None:
    made = plan(SideCarContainers=[{"Image": "i", "Env": [SECRET, {"Name": "A", "Value": "b"}]}])
    assert "s3cr3t-1" in made.secret_values()
    assert made.to_json()["replicas"][0]["pod"]["beside"][0]["env"] == {"A": "b", "API_KEY": "***"}
    assert masked_by_name({"Env": [SECRET]}) == {"Env": [{"Name": "API_KEY", "Value": "***"}]}
    assert "s3cr3t-1" in secrets_of_request(json.dumps({"Env": [SECRET]}).encode())


@pytest.mark.parametrize("mode", ["PerPod", "PerRole"])
def test_a_service_has_its_names(mode: str) -> None:
    body = request({"Worker": 3})
    body["JobSpecs"][0]["ServiceSpec"] = {"ServiceMode": mode}
    for replica in planned(body).replicas:
        role = f"{JOB_ID}-{replica.role}"
        shared = {role, f"{role}.t1000000000000000", f"{role}.t1000000000000000.svc"}
        assert shared <= set(replica.aliases) or mode == "PerPod"
        assert not shared & set(replica.aliases) or mode == "PerRole"


def test_folders_are_made_for_every_user_and_taken_away(tmp_path: Path) -> None:
    from localdlc.stage.shared import SharedTask

    folder = tmp_path / "shared" / "pod" / "0"
    task = SharedTask(tmp_path, [folder])
    task(None)
    assert folder.stat().st_mode & 0o777 == 0o777
    (folder / "file").write_text("x")
    task.leave()
    assert not (tmp_path / "shared").exists()


def test_a_plan_says_what_stands_around_a_replica_and_how_it_lives() -> None:
    hooks = {
        "PostStart": {"Exec": {"Command": ["touch", "a b"]}},
        "PreStop": {"Exec": {"Command": ["save"]}},
    }
    side = {"Image": "side:1"}
    settings = {"JobReservedMinutes": 1, "JobReservedPolicy": "OnFailure"}
    body = request({"Master": 1}, Settings=settings)
    body["JobSpecs"][0] |= {
        "RestartPolicy": "OnFailure",
        "ExtraPodSpec": {
            "InitContainers": [side],
            "SideCarContainers": [side],
            "Lifecycle": hooks,
            "MainContainerSecurityContext": {"RunAsUser": 7},
        },
    }
    said = str(planned(body)).splitlines()
    assert "  held             for 60 s after failure" in said
    assert "  restarts         3 at most" in said
    first = said.index("  user             7")
    assert said[first : first + 6] == [
        "  user             7",
        "  before it        init-0, image side:1",
        "  beside it        sidecar-0, image side:1",
        "  after its start  touch 'a b'",
        "  before its end   save",
        "  begins anew      OnFailure",
    ]


def test_a_plan_says_what_aimaster_does_in_place_of_restart_policies() -> None:
    args = "--enable-job-restart true --job-execution-mode Async --enable-job-hang-detection true"
    settings = {"EnableErrorMonitoringInAIMaster": True, "ErrorMonitoringArgs": args}
    body = request({"Master": 1}, Settings=settings)
    body["JobSpecs"][0]["RestartPolicy"] = "Always"
    said = str(planned(body))
    assert "  AIMaster         restarts who fails; a hang: after 1800 s without a line" in said
    assert "begins anew" not in said
    settings["ErrorMonitoringArgs"] = ""
    said = str(planned(body))
    assert "  AIMaster         restarts nothing; a hang: none is looked for" in said
