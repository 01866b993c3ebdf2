"""A Docker engine of our own, to be ended and begun again: nobody else's containers end with it."""

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
from engines import BASE, CommandLine


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
        self._end_shims()
        folder = re.escape(str(self.folder))
        for mount in re.findall(rf" ({folder}\S*) ", Path("/proc/mounts").read_text()):
            subprocess.run(("umount", "--lazy", mount), check=False)
        shutil.rmtree(self.folder)

    def _end_shims(self) -> None:
        """Those of containers that ended while their engine was not there stay for ever."""
        address = f"{self.folder}/exec/containerd/containerd.sock".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if address in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)


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
