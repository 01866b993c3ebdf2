"""Places of this machine that matter: what is refused, what is not, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from given import planned, request

from localdlc.config import Dataset
from localdlc.errors import InputError, InvalidRequest
from localdlc.plan.host_paths import HostPath, Protected, host_paths, refused
from localdlc.plan.model import Mount

PROTECTED = (
    Protected(Path("/run/docker.sock"), "the engine's socket"),
    Protected(Path("/home/ann"), "your home", below=False),
    Protected(Path("/home/ann/.ssh"), "where your keys are"),
    Protected(Path("/etc"), "part of the system"),
    Protected(Path("/run"), "part of the system", but=(Path("/run/media"),)),
)


def told(path: str, real: str = "", allowed: tuple[str, ...] = ()) -> str:
    wanted = HostPath("DataSources[0]", Path(path))
    problem = refused(wanted, Path(real or path), PROTECTED, [Path(a) for a in allowed])
    return str(problem or "")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "/ holds /run/docker.sock, the engine's socket"),
        ("/run", "/run holds /run/docker.sock, the engine's socket"),
        ("/run/docker.sock", "/run/docker.sock is the engine's socket"),
        ("/home", "/home holds /home/ann, your home"),
        ("/home/ann", "/home/ann is your home"),
        ("/home/ann/.ssh/keys", "/home/ann/.ssh/keys is where your keys are"),
        ("/etc", "/etc is part of the system"),
        ("/etc/ssl/certs", "/etc/ssl/certs is part of the system"),
        ("/run/media", "/run/media is part of the system"),
        ("/run/lock", "/run/lock is part of the system"),
    ],
)
def test_what_matters_is_refused(path: str, why: str) -> None:
    assert told(path).startswith(f"DataSources[0]: {why}, and containers could do harm there. ")
    assert told(path).endswith(f"--allow-host-path {path}.")


@pytest.mark.parametrize(
    "path", ["/home/ann/data", "/data", "/run/media/ann/disk", "/etcetera", "/home/bob"]
)
def test_what_does_not_is_not(path: str) -> None:
    assert told(path) == ""


def test_a_link_is_judged_by_where_it_leads() -> None:
    assert told("/data/x", "/data/y") == ""
    assert "/data/x, which leads to /etc, is part of the system" in told("/data/x", "/etc")


def test_what_is_allowed_is_allowed_with_all_in_it() -> None:
    assert told("/etc/ssl", allowed=("/etc/ssl",)) == ""
    assert told("/etc/ssl/certs", allowed=("/etc/ssl",)) == ""
    assert told("/etc", allowed=("/etc/ssl",))
    assert told("/", allowed=("/",)) == ""


# LocalMountSpecs


def local(*mounts: tuple[str, str]) -> list[dict[str, str]]:
    return [{"MountMode": "Filesystem", "LocalPath": a, "MountPath": b} for a, b in mounts]


def with_local(**roles: list[dict[str, str]]) -> dict[str, Any]:
    body = request(dict.fromkeys(roles, 1))
    for spec in body["JobSpecs"]:
        spec["LocalMountSpecs"] = roles[spec["Type"]]
    return body


def test_a_local_mount_is_for_its_role_alone() -> None:
    plan = planned(with_local(Master=local(("/a", "/m"), ("/b", "/n")), Worker=local(("/c", "/m"))))
    assert [replica.mounts for replica in plan.replicas] == [
        (Mount("/a", "/m", False), Mount("/b", "/n", False)),
        (Mount("/c", "/m", False),),
    ]


def test_a_promoted_worker_keeps_what_its_role_mounts() -> None:
    body = with_local(Worker=local(("/a", "/m")))
    body["JobSpecs"][0]["PodCount"] = 2
    mounts = [replica.mounts for replica in planned(body).replicas]
    assert mounts == [(Mount("/a", "/m", False),)] * 2


def test_a_local_mount_collides_with_data() -> None:
    body = with_local(Master=local(("/a", "/m")), Worker=[])
    body["DataSources"] = [{"Uri": "file:///d", "MountPath": "/m"}]
    with pytest.raises(InvalidRequest) as caught:
        planned(body)
    assert [str(problem) for problem in caught.value.problems] == [
        "JobSpecs[0].LocalMountSpecs[0].MountPath: /m is the place of DataSources[0].MountPath, "
        "too; each needs its own"
    ]


def test_a_local_mount_of_another_role_collides_with_none() -> None:
    body = with_local(Master=local(("/a", "/m"), ("/b", "/m")), Worker=local(("/c", "/m")))
    with pytest.raises(InvalidRequest) as caught:
        planned(body)
    assert [problem.path for problem in caught.value.problems] == [
        "JobSpecs[0].LocalMountSpecs[1].MountPath"
    ]


def test_a_place_that_is_localdlc_tomls_is_no_wrong_request() -> None:
    body = with_local(Master=local(("/a", "/m")), Worker=[])
    body["DataSources"] = [{"DataSourceId": "d-1"}]
    known = {"d-1": Dataset(uri="file:///d", mount_path="/m")}
    with pytest.raises(InputError) as caught:
        planned(body, datasets=known)
    assert "/m is the place of DataSources[0].MountPath, too" in str(caught.value.problems[0])


def test_every_place_is_found_with_its_path() -> None:
    body = with_local(Master=[*local(("/a", "/m"))], Worker=local(("/b", "/m"), ("/c", "/n")))
    body["DataSources"] = [
        {"Uri": "oss://b.oss-cn-hangzhou.aliyuncs.com/x/"},
        {"Uri": "file:///d"},
    ]
    found = host_paths(planned(body, code_dir=Path("/src")).inputs)
    assert {place.where: str(place.path) for place in found} == {
        "DataSources[1]": "/d",
        "--code-dir": "/src",
        "JobSpecs[0].LocalMountSpecs[0].LocalPath": "/a",
        "JobSpecs[1].LocalMountSpecs[0].LocalPath": "/b",
        "JobSpecs[1].LocalMountSpecs[1].LocalPath": "/c",
    }
