"""An engine that ends in the middle of a job: it is waited for, and the job goes on or has failed.

An engine of our own: nobody else's containers end with it.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from daemons import Daemon, OnDaemon
from engines import job, things

pytestmark = [pytest.mark.engine, pytest.mark.servers]

BOTH = {"Master": 1, "Worker": 1}
COUNTS = "i=0; while [ $i -lt 80 ]; do echo $i; i=$((i+1)); sleep 0.1; done; printf end"
COUNTED = [*map(str, range(80)), "end"]


@pytest.fixture
def line(tmp_path: Path, daemon: Daemon) -> Iterator[OnDaemon]:
    """``localdlc`` on that engine, on which nothing may be left in the end."""
    made = OnDaemon(tmp_path / "home", tmp_path, daemon.address)
    yield made
    made.close()
    if not daemon.runs:
        daemon.begin()
    client = docker.APIClient(base_url=daemon.address, version="auto")
    left = {name for kind, name in things(client).items() if kind[0] == "container"}
    for name in left:
        client.remove_container(name, force=True)
    client.close()
    daemon.end()
    assert left == set()


def numbers(text: str, pod: str) -> list[str]:
    return re.findall(rf"^{pod} \| (\d+|end)$", text, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_where_containers_outlive_their_engine_the_job_goes_on_without_losing_a_line(
    line: OnDaemon, daemon: Daemon, number: signal.Signals
) -> None:
    daemon.begin("--live-restore")
    going = line.start_job(job(COUNTS, BOTH)).wait_for("master-0 | 9").wait_for("worker-0 | 9")
    daemon.end(number)
    going.wait_for("the engine is gone")
    daemon.begin("--live-restore")
    done = going.finish()
    assert "the engine is back" in done.err
    assert done.code == 0
    for pod in ("master-0", "worker-0"):
        assert numbers(done.text, pod) == COUNTED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_where_they_end_with_it_the_job_is_judged_by_their_exit_codes(
    line: OnDaemon, daemon: Daemon, number: signal.Signals
) -> None:
    daemon.begin()
    going = line.start_job(job(COUNTS, BOTH)).wait_for("master-0 | 9").wait_for("worker-0 | 9")
    daemon.end(number)
    daemon.begin()
    done = going.finish()
    assert done.code == 1
    assert "Traceback" not in done.err
    assert re.search(r"ended with exit code (143|137)", done.err)
    for pod in ("master-0", "worker-0"):
        found = numbers(done.text, pod)
        assert found == COUNTED[: len(found)]
    line("gc")


def test_a_stop_that_the_engine_could_not_hear_is_sent_again(
    line: OnDaemon, daemon: Daemon
) -> None:
    daemon.begin("--live-restore")
    saves = "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 1 & wait; done"
    going = line.start_job(job(saves)).wait_for("master-0 | up")
    daemon.end()
    going.wait_for("the engine is gone")
    going.signal(signal.SIGINT).wait_for("stopping")
    daemon.begin("--live-restore")
    done = going.finish()
    assert done.code == 130
    assert "master-0 | saved" in done.lines
