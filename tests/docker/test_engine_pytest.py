"""The pytest plugin on a real engine: whatever ends a session, nothing is left."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from engines import BASE

from localdlc.record.store import home_digest

pytestmark = pytest.mark.engine

HEAD = f"""
import pathlib

import pytest

def job(command, **members):
    specs = [{{"Type": "Worker", "PodCount": 2, "Image": "{BASE}", "EcsSpec": "ecs.c6.large"}}]
    head = {{"DisplayName": "tested", "JobType": "PyTorchJob", "JobSpecs": specs}}
    return {{**head, "UserCommand": command, **members}}

pytestmark = pytest.mark.localdlc(timeout=60, grace=1)
"""
SLEEPS = f"""{HEAD}
def test_it(localdlc_job):
    localdlc_job(job("echo ready; sleep 100"))
"""


class Project:
    """A project whose pytest runs in a process of its own, with temporary folders we know."""

    def __init__(self, pytester: pytest.Pytester, client: docker.APIClient) -> None:
        self._pytester = pytester
        self._client = client
        self._sessions = pytester.path / "sessions"
        self._sessions.mkdir()
        self._number = 0
        self.going: list[subprocess.Popen[str]] = []

    @property
    def home(self) -> Path:
        """Of the latest session."""
        return self._sessions / f"pytest-{self._number}" / "localdlc"

    def _command(self, text: str, *arguments: str) -> list[str]:
        self._number += 1
        self._pytester.makepyfile(text)
        base = f"--basetemp={self.home.parent}"
        required = ("--localdlc-require-engine", "-p", "no:cacheprovider", "-rA")
        return [sys.executable, "-m", "pytest", base, *required, *arguments]

    def run(self, text: str, *arguments: str) -> pytest.RunResult:
        return self._pytester.run(*self._command(text, *arguments))

    def begin(self, text: str, *arguments: str) -> subprocess.Popen[str]:
        command = self._command(text, *arguments)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.going.append(process)
        return process

    def start(self, text: str) -> subprocess.Popen[str]:
        """Returns once the job in it runs, and says so."""
        process = self.begin(text, "-s")
        assert process.stdout
        assert any("| ready" in line for line in process.stdout), "no job has begun"
        return process

    def left(self, home: Path | None = None) -> list[str]:
        """Names of containers and networks of a home, by the engine."""
        chosen = {"label": [f"localdlc.home={home_digest(home or self.home)}"]}
        containers = self._client.containers(all=True, filters=chosen)
        networks = self._client.networks(filters=chosen)
        return [c["Names"][0] for c in containers] + [n["Name"] for n in networks]

    def remove_all(self) -> None:
        for path in (self.home.parent, *self.home.parent.glob("popen-*")):
            chosen = {"label": [f"localdlc.home={home_digest(path / 'localdlc')}"]}
            for container in self._client.containers(all=True, filters=chosen):
                self._client.remove_container(container["Id"], force=True)
            for network in self._client.networks(filters=chosen):
                self._client.remove_network(network["Id"])


@pytest.fixture
def project(pytester: pytest.Pytester, docker_client: docker.APIClient) -> Iterator[Project]:
    project = Project(pytester, docker_client)
    yield project
    for process in project.going:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()
    project.remove_all()


def test_a_job_is_run_and_asserted_on(project: Project) -> None:
    result = project.run(
        f"""{HEAD}
def test_it(localdlc_job):
    command = "for n in 3 2 1; do echo rank $RANK of $WORLD_SIZE loss: 0.$n; done"
    result = localdlc_job(job(command))
    assert result.ranks.all_exited(0).all_printed(r"rank \\d of 2")
    assert result.ranks.metric("loss").falls(to=0.1).agrees()
    assert len(result.ranks.that_printed("rank 1 ")) == 1
"""
    )
    result.assert_outcomes(passed=1)
    assert not project.left()


def test_a_failing_test_shows_its_job_and_leaves_nothing(project: Project) -> None:
    result = project.run(
        f"""{HEAD}
def test_it(localdlc_job):
    assert localdlc_job(job("echo so far; exit $RANK")).status == "Succeeded"
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["Failed: *(decided by worker-0)", "rank 1 worker-0 ended with exit code 1", "  | so far"]
    )
    assert not project.left()


def test_what_is_kept_is_told_for_a_failing_test_and_removed_after_a_passing_one(
    project: Project,
) -> None:
    result = project.run(
        f"""{HEAD}
def test_good(localdlc_job):
    localdlc_job(job("echo $RANK"))

def test_bad(localdlc_job):
    localdlc_job(job("exit 3")).ranks.all_exited(0)
""",
        "--localdlc-keep",
    )
    result.assert_outcomes(passed=1, failed=1)
    home = project.home
    result.stdout.fnmatch_lines(
        [
            f"to enter master-0: localdlc exec --home {home} dlc* master-0",
            f"to remove what was kept: localdlc gc --kept --home {home}",
        ]
    )
    kept = project.left()
    assert {name.rpartition("-")[0].rpartition("-")[2] for name in kept[:2]} == {"master", "worker"}
    assert len(kept) == 3  # both containers of the failing test, and their network
    way_in = next(line for line in result.outlines if line.startswith("to enter master-0"))
    command = [sys.executable, "-m", *way_in.partition(": ")[2].split(), "hostname"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"dlc")


def test_a_job_that_takes_too_long_leaves_nothing(project: Project) -> None:
    result = project.run(SLEEPS.replace("timeout=60", "timeout=5"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*had not ended after 5 s*"])
    assert not project.left()


def test_a_test_that_pytest_timeout_ends_leaves_nothing(project: Project) -> None:
    result = project.run(SLEEPS, "--timeout=15", "--timeout-method=signal")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*Timeout*", "*localdlc: PyTorchJob dlc*"])
    assert not project.left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_session_leaves_nothing(project: Project, number: signal.Signals) -> None:
    process = project.start(SLEEPS)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 2, signal.SIGTERM: -signal.SIGTERM}[number]
    assert "INTERNALERROR" not in output
    assert not project.left()


def test_what_a_killed_session_left_the_next_one_removes(project: Project) -> None:
    process = project.start(SLEEPS)
    process.kill()
    process.wait()
    killed = project.home
    assert len(project.left(killed)) == 3
    text = f'{HEAD}\ndef test_it(localdlc_job): localdlc_job(job("true")).ranks.all_exited(0)\n'
    project.run(text).assert_outcomes(passed=1)
    assert not project.left(killed)
    assert not project.left()


def test_four_workers_of_xdist_run_four_jobs_at_once(
    project: Project, pytester: pytest.Pytester
) -> None:
    shared = pytester.mkdir("shared")
    result = project.run(
        f"""{HEAD}
SHARED = {str(shared)!r}
COMMAND = "touch /mnt/all/$TEST; until [ $(ls /mnt/all | wc -l) = 4 ]; do sleep 0.1; done; echo 4"

@pytest.mark.parametrize("name", "abcd")
def test_it(localdlc_job, name):
    data = [{{"DataSourceId": "d-all", "MountPath": "/mnt/all"}}]
    body = job(COMMAND, Envs={{"TEST": name}}, DataSources=data)
    localdlc_job(body, map={{"d-all": SHARED}}).ranks.all_exited(0).all_printed("^4$")
""",
        *("-n", "4"),
    )
    result.assert_outcomes(passed=4)
    assert sorted(path.name for path in shared.iterdir()) == list("abcd")
    for worker in range(4):
        assert not project.left(project.home.parent / f"popen-gw{worker}" / "localdlc")


def test_interrupted_workers_of_xdist_leave_nothing(project: Project) -> None:
    """Only the controller is told here: execnet passes the interrupt on after five seconds."""
    door = socket.create_server(("127.0.0.1", 0))
    door.settimeout(60)
    process = project.begin(
        f"""{HEAD}
import socket

@pytest.mark.parametrize("number", (1, 2))
def test_it(localdlc_job, number):
    def tell(record):
        if record.event.type == "ReplicaStarted":
            socket.create_connection(("127.0.0.1", {door.getsockname()[1]})).close()
    localdlc_job(job("sleep 100"), on_event=tell)
""",
        *("-n", "2"),
    )
    with door:
        for _ in range(4):  # two replicas of each of two jobs
            door.accept()[0].close()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    for worker in range(2):
        assert not project.left(project.home.parent / f"popen-gw{worker}" / "localdlc")
