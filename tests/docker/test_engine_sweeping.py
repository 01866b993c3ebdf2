"""What killed runs leave is removed, by `gc` and by the next run; nothing else ever is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from engines import BASE, CommandLine, Things, job, new, remove, things

pytestmark = pytest.mark.engine

JOB = "dlckilled"
WAITS = "echo up; sleep 60"


@pytest.fixture
def killed(localdlc: CommandLine, tmp_path: Path) -> CommandLine:
    """A home in which a run with code was killed while two replicas ran.

    Nobody can carry on with it, as if it had been one of another version.
    """
    repository = tmp_path / "code"
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run([*GIT, "-C", repository, "commit", "-qm", "x", "--allow-empty"], check=True)
    (tmp_path / "localdlc.toml").write_text(f"code_sources.c.repository = '{repository}'\n")
    request = job(WAITS, {"Master": 1, "Worker": 1}, CodeSource={"CodeSourceId": "c"})
    going = localdlc.start_job(request, "--job-id", JOB)
    going.wait_for("master-0 | up").wait_for("worker-0 | up")
    going.process.kill()
    going.finish()
    assert (localdlc.home / "jobs" / JOB / "code").is_dir()
    (localdlc.home / "jobs" / JOB / "inheritance").write_bytes(b"unreadable")
    return localdlc


GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
LEFT = {f"container {JOB}-master-0", f"container {JOB}-worker-0", f"network localdlc-{JOB}"}


def test_gc_removes_exactly_what_a_killed_run_left_and_judges_its_job(
    killed: CommandLine, docker_client: docker.APIClient
) -> None:
    before = ours(things(docker_client))
    said = killed("gc", "--dry-run").lines
    assert {f"would remove {left}" for left in LEFT} <= set(said)
    assert ours(things(docker_client)) == before
    said = killed("gc").lines
    assert {f"removed {left}" for left in LEFT} <= set(said)
    assert ours(things(docker_client)) == []
    assert " Failed " in killed("list").text
    assert "localdlc was killed before the job ended" in killed("show", JOB).text
    assert not (killed.home / "jobs" / JOB / "code").exists()
    assert killed("gc").lines == ["nothing to remove"]


def test_the_next_run_sweeps_in_passing(
    killed: CommandLine, docker_client: docker.APIClient
) -> None:
    assert killed.run(job("true")).code == 0
    assert ours(things(docker_client)) == []
    assert [row.split()[4] for row in killed("list").lines[1:]] == ["Succeeded", "Failed"]


def ours(found: Things) -> list[str]:
    return [name for name in found.values() if JOB in name]


def test_a_running_job_of_another_process_is_left_alone(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job(WAITS), "--job-id", "dlcother").wait_for("| up")
    assert localdlc("gc").lines == ["nothing to remove"]
    assert localdlc.run(job("true")).code == 0
    going.process.terminate()
    done = going.finish()
    assert done.code == 143
    assert "stopped by localdlc" not in done.out.decode()


@pytest.fixture
def foreign(docker_client: docker.APIClient) -> Iterator[Things]:
    """Containers and networks that are none of our business, however alike they look."""
    before = things(docker_client)
    for number, labels in enumerate([{}, {"localdlc.home": "0" * 16, "localdlc.job": JOB}]):
        name = f"{JOB}-foreign-{number}"
        docker_client.create_container(BASE, ["sleep", "60"], name=name, labels=labels)
        docker_client.create_network(name, labels=labels)
    added = new(before, things(docker_client))
    made = {key: name for key, name in added.items() if f"{JOB}-foreign" in name}
    yield made
    remove(docker_client, made)


def test_what_is_not_this_homes_is_never_touched(
    killed: CommandLine, foreign: Things, docker_client: docker.APIClient
) -> None:
    killed("gc", "--kept")
    assert foreign.items() <= things(docker_client).items()
    assert killed.run(job("true")).code == 0
    assert foreign.items() <= things(docker_client).items()


@pytest.mark.parametrize(
    ("keep", "command", "kept"),
    [
        ("failed", "exit $RANK", ["worker-0"]),
        ("always", "true", ["master-0", "worker-0"]),
        ("failed", "true", []),
    ],
)
def test_kept_containers_stay_until_they_are_asked_to_go(
    localdlc: CommandLine,
    docker_client: docker.APIClient,
    keep: str,
    command: str,
    kept: list[str],
) -> None:
    localdlc.run(job(command, {"Master": 1, "Worker": 1}), "--keep", keep, "--job-id", "dlckept")
    names = [f"/dlckept-{pod}" for pod in kept]
    assert containers(docker_client, "dlckept") == names
    assert localdlc("gc").lines == ["nothing to remove"]
    assert localdlc.run(job("true")).code == 0
    assert containers(docker_client, "dlckept") == names
    localdlc("gc", "--kept")
    assert containers(docker_client, "dlckept") == []


def containers(client: docker.APIClient, job_id: str) -> list[str]:
    found = client.containers(all=True, filters={"label": f"localdlc.job={job_id}"})
    return sorted(container["Names"][0] for container in found)
