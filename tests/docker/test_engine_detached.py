"""Jobs that are left alone: reached from any process, and carried on when their supervisor dies."""

from __future__ import annotations

import getpass
import json
import os
import random
import re
import signal
import time
from pathlib import Path

import docker
import pytest
from engines import CommandLine, job, things

from localdlc.record.log_file import read_lines

pytestmark = pytest.mark.engine

PATIENCE = 60
COUNTS = (
    "i=0; while [ $i -lt 60 ]; do echo $i; echo e$i >&2; i=$((i+1)); sleep 0.05; done; printf end"
)
BOTH = {"Master": 1, "Worker": 1}
WAITS = "echo up; trap 'echo bye; exit 0' TERM; while :; do sleep 1 & wait; done"


def detached(localdlc: CommandLine, command: str, *flags: str, **members: object) -> str:
    roles = members.pop("roles", BOTH)
    done = localdlc.run(job(command, roles, **members), "--detach", *flags)  # type: ignore[arg-type]
    assert done.code == 0, done.err
    return done.text.strip()


def supervisor_of(localdlc: CommandLine, job_id: str) -> int:
    """The process that holds the job's lock, as the kernel says."""
    lock = (localdlc.home / "jobs" / job_id / "lock").stat()
    device = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        if device in line and "->" not in line:
            return int(line.split()[4])
    raise AssertionError(f"nobody holds the lock of {job_id}")


def kill(localdlc: CommandLine, job_id: str) -> None:
    """And waits until the kernel has given its lock back."""
    process = supervisor_of(localdlc, job_id)
    os.kill(process, signal.SIGKILL)
    until_true(lambda: not Path(f"/proc/{process}").exists())


def until_true(condition: object) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.02)


def up(localdlc: CommandLine, job_id: str, *pods: str) -> None:
    """Until each of them has written something."""
    logs = [localdlc.home / "jobs" / job_id / "logs" / f"{job_id}-{pod}.1.log" for pod in pods]
    until_true(lambda: all(log.exists() and log.stat().st_size for log in logs))


def written(localdlc: CommandLine, job_id: str, pod: str) -> dict[str, list[bytes]]:
    path = localdlc.home / "jobs" / job_id / "logs" / f"{job_id}-{pod}.1.log"
    lines: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    for _, stream, text in read_lines(path):
        lines[stream].append(text)
    return lines


def ours(client: docker.APIClient, job_id: str) -> list[str]:
    return [name for name in things(client).values() if job_id in name]


def test_a_detached_job_goes_on_alone_and_wait_has_its_verdict(localdlc: CommandLine) -> None:
    job_id = detached(localdlc, "sleep 1; echo $RANK; exit $RANK")
    assert os.getsid(supervisor_of(localdlc, job_id)) != os.getsid(0)
    done = localdlc("wait", job_id)
    assert done.code == 1
    assert "1 Worker replica(s) failed" in done.text
    assert localdlc("logs", job_id, "worker-0").text == "1\n"
    assert {path.name for path in (localdlc.home / "jobs" / job_id).iterdir()} >= {"lock", "logs"}
    assert not (localdlc.home / "jobs" / job_id / "supervisor.log").exists()


def test_what_is_wrong_is_told_at_once(localdlc: CommandLine, tmp_path: Path) -> None:
    bad = {**job("true"), "JobType": "X", "DisplayName": 3}
    done = localdlc.run(bad, "--detach")
    assert (done.code, done.text) == (2, "")
    assert "JobType" in done.err
    assert "DisplayName" in done.err
    done = localdlc.run(job("true"), "--detach", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert (done.code, done.text) == (3, "")
    assert "none.sock" in done.err
    assert localdlc("list", "-o", "json").text.strip() == "[]"


def test_an_id_that_is_taken_is_told_by_the_supervisor(localdlc: CommandLine) -> None:
    detached(localdlc, "true", "--job-id", "dlctaken")
    localdlc("wait", "dlctaken")
    done = localdlc.run(job("true"), "--detach", "--job-id", "dlctaken")
    assert (done.code, done.text) == (2, "")
    assert "there is a job dlctaken" in done.err


def test_an_error_that_comes_later_is_in_show(localdlc: CommandLine) -> None:
    request = job("true", image="nowhere/none:1")
    done = localdlc.run(request, "--detach", "--pull", "never")
    assert done.code == 0
    assert localdlc("wait", "last").code == 3
    assert "the image nowhere/none:1 is not on this machine" in localdlc("show", "last").text


def test_stop_lets_replicas_save_and_says_who_wanted_it(localdlc: CommandLine) -> None:
    job_id = detached(localdlc, WAITS)
    up(localdlc, job_id, "master-0", "worker-0")
    done = localdlc("stop", job_id)
    assert (done.code, done.text) == (0, f"{job_id} Stopped: Job is stopped by user.\n")
    assert written(localdlc, job_id, "worker-0")["stdout"] == [b"up", b"bye"]
    assert (
        getpass.getuser()
        in json.loads(localdlc("show", job_id, "-o", "json").text)["Localdlc"]["stop_requested_by"]
    )
    assert localdlc("wait", job_id).code == 5
    again = localdlc("stop", job_id)
    assert (again.code, again.err) == (
        2,
        f"localdlc: {job_id} has ended (Stopped) and cannot be stopped.\n",
    )


def test_stop_all_stops_foreground_runs_too_and_kill_waits_for_no_grace(
    localdlc: CommandLine,
) -> None:
    deaf = "trap '' TERM; echo up; while :; do sleep 60; done"
    going = localdlc.start_job(job(deaf), "--grace", "100").wait_for("| up")
    job_id = detached(localdlc, deaf, "--grace", "100")
    up(localdlc, job_id, "master-0", "worker-0")
    began = time.monotonic()
    assert localdlc("stop", "--all", "--kill").code == 0
    assert time.monotonic() - began < 50
    assert going.finish().code == 5
    assert localdlc("wait", job_id).code == 5


def test_rm_forgets_what_has_ended_and_nothing_else(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    kept = detached(localdlc, "exit 3", "--keep", "failed")
    localdlc("wait", kept)
    assert ours(docker_client, kept)
    job_id = detached(localdlc, WAITS)
    refused = localdlc("rm", job_id)
    assert refused.code == 2
    assert "has not ended" in refused.err
    localdlc("stop", job_id)
    assert localdlc("rm", job_id, kept).text == f"removed {job_id}\nremoved {kept}\n"
    assert ours(docker_client, kept) == ours(docker_client, job_id) == []
    assert list((localdlc.home / "jobs").iterdir()) == []
    assert localdlc("show", job_id).code == 2


# carried on


@pytest.mark.parametrize("attempt", range(4))
def test_whenever_a_supervisor_is_killed_no_line_is_lost_and_none_comes_twice(
    localdlc: CommandLine, attempt: int
) -> None:
    job_id = detached(localdlc, COUNTS)
    following = localdlc.start("logs", "-f", job_id, "worker-0")
    up(localdlc, job_id, "master-0", "worker-0")
    for _ in range(2):
        time.sleep(random.Random(attempt).uniform(0, 1.5))
        if "Succeeded" in localdlc("list").text:
            break
        kill(localdlc, job_id)
    assert localdlc("wait", job_id).code == 0
    counted = [str(n).encode() for n in range(60)]
    for pod in ("master-0", "worker-0"):
        assert written(localdlc, job_id, pod) == {
            "stdout": [*counted, b"end"],
            "stderr": [b"e" + n for n in counted],
        }
    done = following.finish()
    assert (done.code, done.err) == (0, "")
    followed = done.out.splitlines()
    assert sorted(followed) == sorted([*counted, *(b"e" + n for n in counted), b"end"])
    assert "its supervisor was killed" in localdlc("show", job_id).text


def test_what_ended_meanwhile_is_judged_by_its_exit_code(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    job_id = detached(localdlc, "echo up; sleep 1; echo done; exit $((RANK * 7))")
    up(localdlc, job_id, "master-0", "worker-0")
    kill(localdlc, job_id)
    for pod in ("master-0", "worker-0"):
        docker_client.wait(f"{job_id}-{pod}")
    assert localdlc("wait", job_id).code == 1
    shown = localdlc("show", job_id).text
    assert "worker-0  Failed     ended with exit code 7" in shown
    assert "1 Worker replica(s) failed" in shown
    assert written(localdlc, job_id, "worker-0")["stdout"] == [b"up", b"done"]


def test_a_killed_foreground_run_is_carried_on_by_whatever_comes_next(
    localdlc: CommandLine,
) -> None:
    going = localdlc.start_job(job("echo up; sleep 3; echo done", BOTH), "--job-id", "dlcleft")
    going.wait_for("master-0 | up").wait_for("worker-0 | up")
    going.process.kill()
    going.finish()
    assert localdlc("gc", "--dry-run").lines == ["would carry on with job dlcleft"]
    noticed = localdlc("list")
    assert "dlcleft has lost its supervisor" in noticed.err
    assert localdlc("wait", "dlcleft").code == 0
    assert written(localdlc, "dlcleft", "worker-0")["stdout"] == [b"up", b"done"]


def test_a_replica_that_begins_anew_after_that_has_all_that_it_had(
    localdlc: CommandLine, tmp_path: Path
) -> None:
    flag = tmp_path / "shared"
    flag.mkdir()
    command = (
        "echo got $MY_TOKEN; hostname; [ -e /mnt/data/again ] && exit 0; "
        "while [ ! -e /mnt/data/go ]; do sleep 0.1; done; touch /mnt/data/again; exit 9"
    )
    request = job(
        command,
        Envs={"MY_TOKEN": "hunter-22-secret"},
        DataSources=[{"Uri": f"file://{flag}", "MountPath": "/mnt/data"}],
    )
    request["JobSpecs"][0]["RestartPolicy"] = "OnFailure"
    job_id = localdlc.run(request, "--detach").text.strip()
    up(localdlc, job_id, "master-0")
    folder = localdlc.home / "jobs" / job_id
    assert not any(b"hunter-22" in path.read_bytes() for path in folder.iterdir() if path.is_file())
    kill(localdlc, job_id)
    localdlc("list")
    (flag / "go").touch()
    assert localdlc("wait", job_id).code == 0
    assert localdlc("logs", job_id).lines == [
        "master-0 | got ***",
        f"master-0 | {job_id}-master-0",
        "master-0/2 | got ***",
        f"master-0/2 | {job_id}-master-0",
    ]


def test_a_stop_that_was_under_way_is_finished(localdlc: CommandLine) -> None:
    deaf = "trap '' TERM; echo up; while :; do sleep 60; done"
    job_id = detached(localdlc, deaf, "--grace", "3")
    up(localdlc, job_id, "master-0", "worker-0")
    stopping = localdlc.start("stop", job_id)
    until_true(lambda: "Stopping" in localdlc("list").text)
    kill(localdlc, job_id)
    assert stopping.finish().code == 0
    assert localdlc("wait", job_id).code == 5


def test_a_replica_whose_container_is_gone_is_lost(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    job_id = detached(localdlc, WAITS)
    up(localdlc, job_id, "master-0", "worker-0")
    kill(localdlc, job_id)
    docker_client.remove_container(f"{job_id}-worker-0", force=True)
    assert localdlc("wait", job_id).code == 1
    assert re.search(r"worker-0 +Unknown .*its container is gone", localdlc("show", job_id).text)


def test_what_was_killed_before_its_replicas_were_created_is_failed_and_swept(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    job_id = detached(localdlc, "true", "--pull", "always", image="127.0.0.1:9/none:1")
    process = supervisor_of(localdlc, job_id)
    os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGKILL)
    assert localdlc("wait", job_id).code == 3
    assert "its replicas had not all been created" in localdlc("show", job_id).text
    assert ours(docker_client, job_id) == []


def test_prestop_runs_also_when_another_supervisor_stops_the_job(localdlc: CommandLine) -> None:
    hook = {"Exec": {"Command": ["/bin/sh", "-c", "echo hooked >/proc/1/fd/1"]}}
    request = job(WAITS)
    request["JobSpecs"][0]["ExtraPodSpec"] = {"Lifecycle": {"PreStop": hook}}
    job_id = localdlc.run(request, "--detach").text.strip()
    up(localdlc, job_id, "master-0")
    kill(localdlc, job_id)
    assert localdlc("stop", job_id).code == 0
    assert written(localdlc, job_id, "master-0")["stdout"] == [b"up", b"hooked", b"bye"]
