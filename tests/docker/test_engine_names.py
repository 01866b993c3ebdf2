"""Every replica knows every other by its three names, at the address of the plan, all the time."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

JOB = "dlcnames"
RESOLVE = f"""\
for pod in master-0 worker-0 worker-1; do
  for name in {JOB}-$pod {JOB}-$pod.t1000000000000000 {JOB}-$pod.t1000000000000000.svc; do
    echo "$name is $(getent ahostsv4 $name | head -1 | cut -d ' ' -f 1)"
  done
done
"""


def test_all_names_resolve_from_the_first_moment_to_the_planned_addresses(
    localdlc: CommandLine,
) -> None:
    request = job(f"echo I am $(hostname) at $(hostname -i)\n{RESOLVE}", {"Master": 1, "Worker": 2})
    done = localdlc.run(request, "--job-id", JOB, "-o", "json")
    planned = {event["pod_id"]: event["ip"] for event in done.of("ReplicaStarted")}
    suffixes = ("", ".t1000000000000000", ".t1000000000000000.svc")
    names = {f"{pod}{suffix} is {ip}" for pod, ip in planned.items() for suffix in suffixes}
    assert len(names) == 9
    for pod, ip in planned.items():
        wrote = {event["text"] for event in done.of("Log") if event["pod_id"] == pod}
        assert wrote == names | {f"I am {pod} at {ip}"}


def test_a_replica_that_has_exited_still_has_its_name(
    localdlc: CommandLine, tmp_path: Path
) -> None:
    waits = f"until [ -e /mnt/data/gone ]; do sleep 0.05; done\n{RESOLVE}"
    (data := tmp_path / "data").mkdir()
    request = job(
        f"[ $RANK != 0 ] || {{ {waits} }}",
        {"Master": 1, "Worker": 2},
        DataSources=[{"Uri": f"file://{data}", "MountPath": "/mnt/data"}],
    )
    going = localdlc.start_job(request, "--job-id", JOB, "-o", "json")
    for worker in ("worker-0", "worker-1"):
        going.wait_for(f'"ReplicaExited","pod_id":"{JOB}-{worker}"')
    (data / "gone").touch()
    done = going.finish()
    assert done.code == 0
    planned = {event["pod_id"]: event["ip"] for event in done.of("ReplicaStarted")}
    wrote = [event["text"] for event in done.of("Log")]
    assert f"{JOB}-worker-0 is {planned[f'{JOB}-worker-0']}" in wrote
    assert f"{JOB}-worker-1.t1000000000000000.svc is {planned[f'{JOB}-worker-1']}" in wrote
