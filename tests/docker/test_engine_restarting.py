"""An engine that ends in the middle of a job: it is waited for, and the job goes on or has failed.

An engine of our own: nobody else's containers end with it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest
from engines import BASE, CommandLine, job, things

pytestmark = [pytest.mark.engine, pytest.mark.servers]

BOTH = {"Master": 1, "Worker": 1}
COUNTS = "i=0; while [ $i -lt 80 ]; do echo $i; i=$((i+1)); sleep 0.1; done; printf end"
COUNTED = [*map(str, range(80)), "end"]


class Daemon:
    """A dockerd that can be ended and begun again."""

    def __init__(self) -> None:
        program = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if not program or os.geteuid():
            pytest.skip("an engine of our own needs dockerd, and root to start it")
        self.folder = Path(tempfile.mkdtemp(prefix="localdlc-engine-"))
        self.address = f"unix://{self.folder}/docker.sock"
        own = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        places = [f"--{flag}={self.folder / name}" for flag, name in own.items()]
        apart = ("--bridge=none", "--iptables=false", "--ip-masq=false", f"--host={self.address}")
        # In a network of its own: a dockerd without a default bridge removes the one it finds.
        self._command = ("unshare", "--net", program, *places, *apart)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, *flags: str) -> None:
        """Its containerd outlives a kill, and would keep a pipe open: so it writes into a file."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                (*self._command, *flags),
                stderr=log,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
                start_new_session=True,
            )
        until = time.monotonic() + 60
        while not self._answers():
            assert self.runs, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < until
            time.sleep(0.1)

    def _answers(self) -> bool:
        with closing(socket.socket(socket.AF_UNIX)) as line, suppress(OSError):
            line.settimeout(5)
            line.connect(str(self.folder / "docker.sock"))
            line.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in line.recv(1 << 10)
        return False

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """With its containerd, which the next would take for alive."""
        assert self._process
        file = self.folder / "exec" / "containerd" / "containerd.pid"
        containerd = Path("/proc") / file.read_text() if file.exists() else None
        self._process.send_signal(number)
        self._process.wait()
        until = time.monotonic() + 60
        while containerd and containerd.exists():
            assert time.monotonic() < until
            time.sleep(0.05)

    def load(self, client: docker.APIClient) -> None:
        """Gives it the base image out of the other engine."""
        fresh = docker.APIClient(base_url=self.address, version="auto")
        for _ in fresh.load_image(client.get_image(BASE)):  # type: ignore[no-untyped-call]
            pass
        fresh.close()

    def remove(self) -> None:
        if not self.runs:
            self.begin()
        self.end()  # only so does its containerd end
        folder = re.escape(str(self.folder))
        for mount in re.findall(rf" ({folder}\S*) ", Path("/proc/mounts").read_text()):
            subprocess.run(("umount", "--lazy", mount), check=False)
        shutil.rmtree(self.folder)


class OnDaemon(CommandLine):
    def __init__(self, home: Path, folder: Path, address: str) -> None:
        super().__init__(home, folder)
        self._address = address

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return super()._environment({"DOCKER_HOST": self._address, **variables})


@pytest.fixture(scope="module")
def daemon(docker_client: docker.APIClient) -> Iterator[Daemon]:
    made = Daemon()
    try:
        made.begin()
        made.load(docker_client)
        made.end()
        yield made
    finally:
        made.remove()


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
