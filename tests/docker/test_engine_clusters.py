"""MPIJob and SlurmJob on the base image: ssh, its keys and their end, and what goes wrong."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import BASE, CommandLine, job

pytestmark = pytest.mark.engine

JOB = "dlcmpi1"
PEERS = {"Master": 1, "Worker": 2}
WITHOUT_SSHD = "localdlc/test-without-sshd:latest"
OF_ANN = "localdlc/test-of-ann:latest"


def mpi(command: str, image: str = BASE, **members: Any) -> dict[str, Any]:
    return job(command, PEERS, image, **{**members, "JobType": "MPIJob"})


def built(client: docker.APIClient, reference: str, *steps: str) -> Iterator[str]:
    text = "\n".join((f"FROM {BASE}", *steps))
    list(client.build(fileobj=io.BytesIO(text.encode()), tag=reference, rm=True, forcerm=True))
    yield reference
    client.remove_image(reference)


@pytest.fixture
def without_sshd(docker_client: docker.APIClient) -> Iterator[str]:
    yield from built(docker_client, WITHOUT_SSHD, "RUN rm /usr/sbin/sshd")


@pytest.fixture
def of_ann(docker_client: docker.APIClient) -> Iterator[str]:
    yield from built(docker_client, OF_ANN, "RUN useradd -m ann", "ENV OF=image", "USER ann")


def private_keys(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if b"PRIVATE KEY" in path.read_bytes()]


def test_processes_start_on_the_workers_with_their_variables(localdlc: CommandLine) -> None:
    words = 'it\'s "two  words" $HOME'
    command = (
        "mpirun --allow-run-as-root -n 2 sh -c 'echo $(hostname) \"$WORDS\"'"
        " && ssh $DLC_JOB_ID-worker-1.t1000000000000000.svc 'echo plain $(hostname)'"
        " && ls -A ~ | grep -c ssh"
    )
    done = localdlc.run(mpi(command, Envs={"WORDS": words}), "--job-id", JOB, "-q")
    assert sorted(done.lines[:2]) == [
        f"master-0 | {JOB}-worker-0 {words}",
        f"master-0 | {JOB}-worker-1 {words}",
    ]
    assert done.lines[2:] == [f"master-0 | plain {JOB}-worker-1", "master-0 | 0"]


def test_files_travel_both_ways(localdlc: CommandLine) -> None:
    command = (
        "peer=$DLC_JOB_ID-worker-0; echo there >here; scp -q here $peer:/tmp/x"
        " && ssh $peer 'echo and back >>/tmp/x' && scp -q $peer:/tmp/x back && cat back"
    )
    done = localdlc.run(mpi(command), "-q")
    assert done.lines == ["master-0 | there", "master-0 | and back"]


def test_a_worker_runs_its_own_command_and_serves_beside_it(localdlc: CommandLine) -> None:
    asks = "ssh $DLC_JOB_ID-worker-0 'until grep . /tmp/x; do sleep 0.1; done; hostname'"
    body = mpi(f"{asks} | paste -sd' '")
    body["JobSpecs"][1]["UserCommand"] = "echo mine | tee /tmp/x; wait; exec sleep 60"
    done = localdlc.run(body, "-q", "--job-id", JOB)
    assert done.code == 0, done.err
    assert sorted(done.lines) == [
        f"master-0 | mine {JOB}-worker-0",
        "worker-0 | mine",
        "worker-1 | mine",
    ]


def test_the_master_decides_and_its_workers_are_stopped(localdlc: CommandLine) -> None:
    done = localdlc.run(mpi("exit 7"))
    assert done.code == 1
    assert "is failed because 1 Master replica(s) failed" in done.err
    assert "decided by master-0" in done.err
    localdlc.run(mpi("true"))
    shown = localdlc("show", "last").text
    assert "has successfully completed" in shown
    assert len(re.findall(r"worker-\d .*stopped by localdlc", shown)) == 2


def test_keys_are_masked_and_gone_with_the_job(localdlc: CommandLine) -> None:
    done = localdlc.run(mpi("cat /etc/mpi/key; echo; cat /dev/shm/.localdlc/key"), "-q")
    # Line by line: as many as the key has, twice, and the empty one between.
    shown = [line.partition("| ")[2] for line in done.lines]
    assert (set(shown), shown.count("")) == ({"***", ""}, 1)
    assert shown.index("") == len(shown) // 2 > 2
    assert private_keys(localdlc.home) == []
    assert list(localdlc.home.glob("jobs/*/files")) == []


def test_keys_of_a_killed_run_that_nobody_can_carry_on_are_swept(localdlc: CommandLine) -> None:
    going = localdlc.start_job(mpi("echo up; sleep 60"), "--job-id", JOB)
    going.wait_for("master-0 | up").process.kill()
    going.finish()
    assert len(private_keys(localdlc.home)) == 3
    (localdlc.home / "jobs" / JOB / "inheritance").write_bytes(b"unreadable")
    assert localdlc("gc").code == 0
    assert private_keys(localdlc.home) == []
    assert not (localdlc.home / "jobs" / JOB / "files").exists()


def test_an_image_without_an_ssh_server_is_told_which_package(
    localdlc: CommandLine, without_sshd: str
) -> None:
    done = localdlc.run(mpi("echo never", without_sshd))
    assert done.code == 1
    assert "this image has no ssh server (sshd)" in done.text
    assert "Install openssh-server (Debian, Ubuntu, Fedora) or openssh (Alpine)" in done.text
    assert "decided by worker-" in done.err
    assert "never" not in done.text


def test_an_image_without_slurm_is_told_which_packages(localdlc: CommandLine) -> None:
    done = localdlc.run(job("echo never", {"Worker": 2}, JobType="SlurmJob"))
    assert done.code == 1
    assert "this image has no munged" in done.text
    assert "Install slurm-wlm and munge (Debian, Ubuntu) in it." in done.text
    assert "never" not in done.text


def test_a_worker_that_dies_early_fails_the_job(localdlc: CommandLine) -> None:
    done = localdlc.run(mpi("ssh $DLC_JOB_ID-worker-0 pkill -9 -o sshd; sleep 60"))
    assert done.code == 1
    assert "is failed because 1 Worker replica(s) failed" in done.err
    assert "decided by worker-0" in done.err


def test_another_user_than_root_can_do_it_too(localdlc: CommandLine, of_ann: str) -> None:
    command = "mpirun -n 2 sh -c 'echo $(id -un) $OF $OMPI_COMM_WORLD_RANK' | sort"
    done = localdlc.run(mpi(command, of_ann), "-q")
    assert done.lines == ["master-0 | ann image 0", "master-0 | ann image 1"]
