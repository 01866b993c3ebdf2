"""What ExtraPodSpec asks for, on a real engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engines import BASE, CommandLine, job

pytestmark = pytest.mark.engine


def with_pod(command: str, roles: dict[str, int] | None = None, **pod: Any) -> dict[str, Any]:
    body = job(command, roles)
    for spec in body["JobSpecs"]:
        spec["ExtraPodSpec"] = pod
    return body


def shell(text: str, **members: Any) -> dict[str, Any]:
    return {"Image": BASE, "Command": ["sh", "-c"], "Args": [text], **members}


def hook(text: str) -> dict[str, Any]:
    return {"Exec": {"Command": ["sh", "-c", text]}}


SERVER = "cd /scratch && exec python3 -u -m http.server 8999"
ASKS = """\
until curl -fs http://localhost:8999/handed; do sleep 0.1; done
cat /scratch/warm; id -u; hostname -i"""


def test_a_pod_has_all_its_containers(localdlc: CommandLine) -> None:
    body = with_pod(
        ASKS.replace("curl -fs", "python3 -c 'import sys, urllib.request as u;"
                     " print(u.urlopen(sys.argv[1]).read().decode())' 2>/dev/null"),
        InitContainers=[
            shell("echo from-$WHO >/scratch/handed; hostname -i", Name="data-init",
                  Env=[{"Name": "WHO", "Value": "init"}]),
        ],
        SideCarContainers=[shell(SERVER, Name="server")],
        SharedVolumeMountPaths=["/scratch"],
        Lifecycle={"PostStart": hook("echo warm >/scratch/warm")},
        MainContainerSecurityContext={"RunAsUser": 1234},
    )  # fmt: skip
    done = localdlc.run(body)
    assert done.code == 0, done.err
    said = [line.split(" | ")[1] for line in done.lines if line.startswith("master-0 ")]
    [address] = [line.split(" | ")[1] for line in done.lines if "master-0.data-init" in line]
    assert [line for line in said if line] == ["from-init", "warm", "1234", address]
    assert any("master-0.server" in line and "GET /handed" in line for line in done.lines)


def test_pre_stop_has_its_say_before_sigterm(localdlc: CommandLine) -> None:
    body = with_pod(
        "trap 'cat /tmp/saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
        Lifecycle={"PreStop": hook("echo saved >/tmp/saved")},
    )
    import signal

    done = localdlc.start_job(body).wait_for("ready").signal(signal.SIGINT).finish()
    assert done.code == 130
    assert "master-0 | saved" in done.lines


def test_rights_are_what_was_asked_for(localdlc: CommandLine) -> None:
    shows = "grep -E 'CapEff|Seccomp:' /proc/self/status"

    def rights(*flags: str, **context: Any) -> dict[str, str]:
        done = localdlc.run(with_pod(shows, MainContainerSecurityContext=context), *flags)
        assert done.code == 0, done.err
        pairs = [line.split(" | ")[1].split(":\t") for line in done.lines]
        return dict(pairs)

    bare = rights(Capabilities={"Drop": ["ALL"]}, SeccompProfile={"Type": "Unconfined"})
    assert bare == {"CapEff": "0" * 16, "Seccomp": "0"}
    profile = localdlc.folder / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}))
    local = {"Type": "Localhost", "LocalhostProfile": str(profile)}
    assert rights(SeccompProfile=local)["Seccomp"] == "2"
    more = rights(Capabilities={"Drop": ["ALL"], "Add": ["NET_BIND_SERVICE"]})
    assert int(more["CapEff"], 16) == 1 << 10


def test_a_role_has_a_name_that_stands_for_all_its_replicas(localdlc: CommandLine) -> None:
    body = job("getent ahostsv4 $DLC_JOB_ID-worker | sort -u | grep -c STREAM", {"Worker": 3})
    body["JobSpecs"][0]["ServiceSpec"] = {"ServiceMode": "PerRole"}
    done = localdlc.run(body)
    assert done.code == 0, done.err
    assert {line.split(" | ")[1] for line in done.lines} == {"2"}
