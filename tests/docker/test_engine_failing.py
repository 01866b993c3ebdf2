"""Failing: the first failure decides, stops the others, and is told with all that is known."""

from __future__ import annotations

import docker
import pytest
from engines import CommandLine, job, job_with

pytestmark = pytest.mark.engine

TWO = {"Master": 1, "Worker": 2}


def test_the_first_failure_stops_the_others_and_is_told_with_its_last_lines(
    localdlc: CommandLine,
) -> None:
    fails = "seq -f 'line %g' 25; echo broken >&2; exit 41"
    command = f"if [ $RANK = 2 ]; then {fails}; fi; sleep 60"
    done = localdlc.run(job(command, TWO))
    assert done.code == 1
    summary = done.err[done.err.index("worker-1 ended") :].splitlines()
    last = [f"  | line {n}" for n in range(7, 26)] + ["  | broken"]
    assert summary[:21] == ["worker-1 ended with exit code 41", *sorted_as(last, summary[1:21])]
    assert sorted(summary[21:23]) == [
        "master-0 ended with exit code 143 (SIGTERM): stopped by localdlc",
        "worker-0 ended with exit code 143 (SIGTERM): stopped by localdlc",
    ]
    assert summary[23].startswith("why: worker-1 was the first to fail, ")
    assert summary[23].endswith("Meanwhile master-0, worker-0: running, then stopped.")
    assert summary[24].startswith("Failed: PyTorchJob")
    assert summary[24].endswith("decided by worker-1)")


def sorted_as(expected: list[str], found: list[str]) -> list[str]:
    """The two streams of a replica have no order between them: `broken` may come in anywhere."""
    rest = [line for line in expected if line != "  | broken"]
    place = found.index("  | broken") if "  | broken" in found else len(rest)
    return [*rest[:place], "  | broken", *rest[place:]][: len(found)]


def test_running_out_of_memory_is_told(localdlc: CommandLine) -> None:
    eats = "python3 -c 'x = bytearray(1 << 30)'"
    done = localdlc.run(job_with({"CPU": "1", "Memory": "128Mi"}, eats))
    assert done.code == 1
    assert "master-0 ended with exit code 137 (SIGKILL): the kernel killed it, out of memory" in (
        done.err
    )


@pytest.mark.parametrize(
    ("command", "code", "name"),
    [
        ("python3 -c 'import os; os.kill(os.getpid(), 11)'", 139, "SIGSEGV"),
        ("python3 -c 'import os; os.abort()'", 134, "SIGABRT"),
        ("kill -9 $$", 137, "SIGKILL"),
        ("python3 -c 'import os; os.abort()'; exit 7", 7, None),
        ("no-such-program", 127, None),
    ],
)
def test_a_signal_behind_an_exit_code_is_named(
    localdlc: CommandLine, command: str, code: int, name: str | None
) -> None:
    done = localdlc.run(job(command), "-o", "json")
    end = done.of("ReplicaExited")[0]
    assert (end["exit_code"], end["signal"], end["oom"]) == (code, name, False)
    assert done.code == 1


def test_success_of_the_deciding_replicas_stops_parameter_servers(localdlc: CommandLine) -> None:
    request = job(
        'case $TF_CONFIG in *\'"type":"ps"\'*) exec sleep 60;; esac',
        {"PS": 1, "Worker": 2},
        JobType="TFJob",
    )
    done = localdlc.run(request, "-o", "json")
    assert done.code == 0
    ends = {e["pod_id"].split("-", 1)[1]: e["stopped_by_us"] for e in done.of("ReplicaExited")}
    assert ends == {"ps-0": True, "worker-0": False, "worker-1": False}


def test_a_replica_removed_by_somebody_else_fails_the_job(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    going = localdlc.start_job(job("echo up; sleep 60", TWO), "--job-id", "dlcrobbed")
    going.wait_for("worker-0 | up").wait_for("master-0 | up").wait_for("worker-1 | up")
    docker_client.remove_container("dlcrobbed-worker-0", force=True)
    done = going.finish()
    assert done.code == 1
    assert "worker-0" in done.err
    assert "Failed: PyTorchJob dlcrobbed is failed because 1 Worker replica(s) failed." in done.err
    assert "Traceback" not in done.err


def test_a_replica_stopped_by_somebody_else_fails_the_job(
    localdlc: CommandLine, docker_client: docker.APIClient
) -> None:
    going = localdlc.start_job(job("echo up; sleep 60"), "--job-id", "dlcended").wait_for("| up")
    docker_client.stop("dlcended-master-0")
    done = going.finish()
    assert done.code == 1
    assert "master-0 ended with exit code 143 (SIGTERM)\n" in done.err
