"""Where the measuring happens: a folder and a home of its own, and processes with a clock."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import IO

__all__ = ["ROOT", "Broken", "Ran", "Workbench", "docker", "timed", "workbench"]

ROOT = Path(__file__).parents[1]
LOCALDLC = str(Path(sys.executable).with_name("localdlc"))
IMAGE = "localdlc/base:latest"
# Seconds, many times what the longest takes: engines do stop answering (Docker before 20.10.27
# locks up now and then when containers of one network end at once, moby/libnetwork#2679).
PATIENCE = 300.0
# With the first every start would compile its modules anew; nobody's Python is set up like that,
# and the launchers that pip installed would have their bytecode all the same.
SET_ASIDE = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


class Broken(Exception):
    """A measured program failed: there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A whole process, from before its start to after its end."""

    seconds: float
    stdout: str


def timed(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Runs ``command`` in ``folder``; ``env`` is added to ours. Raises `Broken`."""
    surroundings = environment(env or {})
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{error}: does the engine still answer?") from error
    seconds = time.perf_counter() - began
    if done.returncode:
        raise Broken(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr}")
    return Ran(seconds, done.stdout)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in SET_ASIDE}
    return {**ours, **more}


@dataclass(frozen=True, slots=True)
class Workbench:
    """``folder`` is temporary and outside of the clone, so that no localdlc.toml is near.

    ``variables`` are localdlc's beside that of its home.
    """

    folder: Path
    image: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        return {**self.variables, "LOCALDLC_HOME": str(self.home)}

    def request(self, replicas: int, command: str) -> Path:
        """A CreateJob request whose replicas all run ``command``."""
        body = {
            "WorkspaceId": "1",
            "DisplayName": "benchmark",
            "JobType": "PyTorchJob",
            "JobSpecs": [{"Type": "Worker", "PodCount": replicas, "Image": self.image}],
            "UserCommand": command,
        }
        path = self.folder / "job.json"
        path.write_text(json.dumps(body))
        return path

    def localdlc(self, *arguments: str) -> Ran:
        return timed([LOCALDLC, *arguments], self.folder, self.env)

    @contextmanager
    def running(
        self, request: Path, out: IO[bytes], stderr: int | IO[bytes] = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`localdlc run` at work, its standard output in ``out``. Waits at the end for its end."""
        command = [LOCALDLC, "run", str(request)]
        env = environment(self.env)
        with subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=out, stderr=stderr
        ) as process:
            watchdog = Timer(PATIENCE, process.kill)
            watchdog.start()
            try:
                yield process
                process.wait()
            finally:
                watchdog.cancel()
        if process.returncode:
            raise Broken(f"{' '.join(command)} exited with {process.returncode}")


@contextmanager
def workbench() -> Iterator[Workbench]:
    """Alone at work: two that measure at once would measure each other. Raises `Broken`."""
    with (
        (Path(tempfile.gettempdir()) / "localdlc-bench.lock").open("w") as lock,
        tempfile.TemporaryDirectory(prefix="localdlc-bench-") as folder,
    ):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Broken("another benchmark is running on this machine") from error
        bench = Workbench(Path(folder), IMAGE)
        try:
            yield bench
        finally:
            collect(bench)


def collect(bench: Workbench) -> None:
    """Whatever localdlc left on the engine, be it that we were interrupted."""
    try:
        bench.localdlc("cache", "rm", "--all")
        found = bench.localdlc("gc").stdout.strip()
    except Broken as error:
        found = str(error)
    if found != "nothing to remove":
        print(f"localdlc left behind:\n{found}", file=sys.stderr)


def docker(*arguments: str) -> str:
    """What the docker command line prints, stripped."""
    return timed(["docker", *arguments], ROOT).stdout.strip()
