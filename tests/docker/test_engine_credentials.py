"""CredentialConfig: who asks at port 7002 gets keys, or is told why not; nobody else sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import CommandLine, Done, job
from sts import ADMIN, Sts, sts

pytestmark = pytest.mark.engine

JOB = "dlccredentials1"
ROLES = ("acs:ram::1:role/first", "acs:ram::2:role/second")
# Asks as a user's program would, and never prints more than the length of what is secret.
ASK = """
import json, os, sys, urllib.error, urllib.request
address = "http://localhost:7002/api/v1/credentials/" + sys.argv[1]
try:
    answer = json.load(urllib.request.urlopen(address, timeout=20))
    status = 200
except urllib.error.HTTPError as error:
    answer, status = json.load(error), error.code
print(status, *sorted(answer), answer.get("Message", ""))
same = os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN") == answer.get("SecurityToken")
print("exported" if same else "not exported")
print("token", answer.get("SecurityToken"))
"""


def asking(key: str, **members: Any) -> dict[str, Any]:
    items = [
        {"Key": "0", "Type": "Role", "Roles": [{"RoleArn": ROLES[0], "Policy": '{"a": 1}'}]},
        {"Key": "1", "Type": "RoleChain", "Roles": [{"RoleArn": arn} for arn in ROLES]},
        {"Key": "2", "Type": "Role"},
    ]
    config = {
        "EnableCredentialInject": True,
        "AliyunEnvRoleKey": "0",
        "CredentialConfigItems": items,
    }
    return job(f"python3 -c '{ASK}' {key}", CredentialConfig=config, **members)


@pytest.fixture
def server() -> Iterator[Sts]:
    with sts() as running:
        yield running


@pytest.fixture
def user(tmp_path: Path, server: Sts, localdlc: CommandLine) -> CommandLine:
    """Somebody with a profile, and a configuration that knows this STS."""
    profile = {"name": "jobs", "mode": "AK", "access_key_id": ADMIN[0]}
    profile["access_key_secret"] = ADMIN[1]
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(json.dumps({"profiles": [profile]}))
    (tmp_path / "localdlc.toml").write_text(f'cloud.sts_endpoint = "{server.endpoint}"\n')
    return localdlc


def run(user: CommandLine, request: dict[str, Any], *flags: str) -> Done:
    return user.run(request, "-q", *flags, HOME=str(user.folder))


def test_a_replica_asks_and_is_answered_and_one_credential_is_exported(
    user: CommandLine, server: Sts
) -> None:
    done = run(user, asking("0"), "--credentials", "jobs")
    assert done.lines == [
        "master-0 | 200 AccessKeyId AccessKeySecret Code Expiration SecurityToken ",
        "master-0 | exported",
        "master-0 | token ***",
    ]
    assert done.code == 0
    (asked,) = server.asked
    assert (asked["RoleArn"], asked["Policy"]) == (ROLES[0], '{"a": 1}')
    written = b"".join(p.read_bytes() for p in user.home.rglob("*") if p.is_file())
    for secret in (*server.secrets, *ADMIN):
        assert secret.encode() not in written + done.out
        assert secret not in done.err


def test_a_chain_is_assumed_role_by_role_and_once_for_all_replicas(
    user: CommandLine, server: Sts
) -> None:
    request = asking("1")
    request["JobSpecs"].append({**request["JobSpecs"][0], "Type": "Worker", "PodCount": 2})
    done = run(user, request, "--credentials", "jobs")
    assert done.code == 0
    assert sum(line.endswith("| not exported") for line in done.lines) == 3
    chain = [(a["RoleArn"], a["AccessKeyId"]) for a in server.asked[1:]]
    assert chain == [(ROLES[0], ADMIN[0]), (ROLES[1], "STS.id-2-planted")]


def test_the_next_attempt_of_a_replica_is_answered_too(user: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "tries").mkdir()
    source = {"Uri": f"file://{tmp_path}/tries", "MountPath": "/mnt/d"}
    request = asking("0", DataSources=[source])
    request["UserCommand"] += "; echo x >>/mnt/d/n; [ $(wc -l </mnt/d/n) = 2 ]"
    request["JobSpecs"][0]["RestartPolicy"] = "OnFailure"
    done = run(user, request, "--credentials", "jobs")
    assert done.code == 0, done.err
    told = "AccessKeyId AccessKeySecret Code Expiration SecurityToken"
    assert [line for line in done.lines if "| 200" in line] == [f"master-0 | 200 {told} "] * 2
    assert done.lines.count("master-0 | exported") == 2


@pytest.mark.parametrize(
    ("key", "flags", "says"),
    [
        ("0", (), "403 Code Message localdlc gives no credentials to this job: run it with --cred"),
        ("9", ("--credentials", "jobs"), "404 Code Message There is no /api/v1/credentials/9, but"),
        ("2", ("--credentials", "jobs"), "403 Code Message the credential '2' names no role, and"),
    ],
)
def test_what_is_not_given_is_refused_in_words(
    user: CommandLine, key: str, flags: tuple[str, ...], says: str
) -> None:
    done = run(user, asking(key), *flags)
    assert done.code == 0
    assert done.lines[0].startswith(f"master-0 | {says}")


def test_a_profile_that_is_not_there_starts_nothing(user: CommandLine) -> None:
    done = run(user, asking("0"), "--credentials", "ghost")
    assert done.code == 4
    assert "no keys in the profile 'ghost'" in done.err
    assert "no profile 'ghost', but jobs" in done.err


def test_a_role_that_may_not_be_assumed_starts_nothing(user: CommandLine, server: Sts) -> None:
    server.forbidden = {ROLES[0]}
    done = run(user, asking("0"), "--credentials", "jobs")
    assert done.code == 4
    assert "NoPermission: you may not assume this role" in done.err
    assert done.lines == []


def test_nothing_of_it_is_in_a_containers_configuration(
    user: CommandLine, server: Sts, docker_client: docker.APIClient
) -> None:
    request = {**asking("0"), "UserCommand": "echo up; sleep 60"}
    going = user.start_job(
        request, "--job-id", JOB, "--credentials", "jobs", HOME=str(user.folder)
    ).wait_for("| up")
    names = [f"{JOB}-master-0", f"{JOB}-credentials-master-0"]
    shown = [json.dumps(docker_client.inspect_container(name)) for name in names]
    assert not [s for s in (*server.secrets, *ADMIN) for text in shown if s in text]
    going.process.terminate()
    assert going.finish().code == 143


@pytest.mark.keeps_files
def test_a_killed_run_leaves_a_relay_that_ends_and_is_swept(
    user: CommandLine, docker_client: docker.APIClient
) -> None:
    request = {**asking("0"), "UserCommand": "echo up; sleep 60"}
    going = user.start_job(
        request, "--job-id", JOB, "--credentials", "jobs", HOME=str(user.folder)
    ).wait_for("| up")
    going.process.kill()
    going.finish()
    assert docker_client.wait(f"{JOB}-credentials-master-0")["StatusCode"] == 0
    # Nobody can carry on with it, as if it had been one of another version.
    (user.home / "jobs" / JOB / "inheritance").write_bytes(b"unreadable")
    assert f"removed container {JOB}-credentials-master-0" in user("gc").lines
    assert not (user.home / "jobs" / JOB / "credentials").exists()


def test_an_image_without_python_is_helped_out_by_the_base_image(
    user: CommandLine, docker_client: docker.APIClient, tmp_path: Path
) -> None:
    image = "localdlc-test/no-python:latest"
    (tmp_path / "Dockerfile").write_text(
        "FROM localdlc/base:latest\nRUN rm -f /usr/bin/python3* /usr/bin/python\nUSER nobody\n"
    )
    list(docker_client.build(path=str(tmp_path), tag=image, rm=True, decode=True))
    try:
        command = 'test -n "$ALIBABA_CLOUD_ACCESS_KEY_SECRET" && echo "as $(id -un)"'
        request = {**asking("0"), "UserCommand": command}
        request["JobSpecs"][0]["Image"] = image
        done = run(user, request, "--credentials", "jobs")
        assert (done.code, done.lines) == (0, ["master-0 | as nobody"])
    finally:
        docker_client.remove_image(image, force=True)
