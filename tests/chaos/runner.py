"""Runs a scenario on an engine of our own, and collects what the checker is to judge."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from subprocess import run
from typing import Any

import docker
import docker.errors
from daemons import Daemon, OnDaemon
from engines import BASE, Going, Things, things, unexpected_files

from chaos.checker import Attempt, Evidence, Witness, complaints
from chaos.scenario import Job, Scenario, Strike, Target
from localdlc.record.log_file import read_lines
from localdlc.record.store import Store

__all__ = ["Outcome", "play"]

# Seconds that all jobs of a scenario may take to their verdicts, after the last strike.
PATIENCE = 150.0
HOME_SIZE = "16m"


@dataclass
class Outcome:
    """How many strikes hit something, and what does not hold."""

    struck: list[Target] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def play(scenario: Scenario, daemon: Daemon, folder: Path) -> Outcome:
    """``folder`` is empty; the daemon is begun and ended. Raises `AssertionError` if it cannot."""
    daemon.begin(*flags(scenario))
    with disk(folder / "home") as home:
        stage = Stage(scenario, daemon, OnDaemon(home, folder, daemon.address))
        try:
            stage.act()
            stage.settle()
            stage.judge()
        finally:
            stage.clear()
            if daemon.runs:
                daemon.end()
    return stage.outcome


def flags(scenario: Scenario) -> tuple[str, ...]:
    return ("--live-restore",) if scenario.live_restore else ()


@contextmanager
def disk(home: Path) -> Iterator[Path]:
    """A disk of its own, which can be full without anybody else's being so."""
    home.mkdir(parents=True)
    run(("mount", "-t", "tmpfs", "-o", f"size={HOME_SIZE}", "tmpfs", home), check=True)
    try:
        yield home
    finally:
        run(("umount", "--lazy", home), check=True)


class Stage:
    """One scenario under way."""

    def __init__(self, scenario: Scenario, daemon: Daemon, line: OnDaemon) -> None:
        self.scenario = scenario
        self.outcome = Outcome()
        self._daemon = daemon
        self._line = line
        self._hit: dict[str, set[Target]] = {job.job_id: set() for job in scenario.jobs}
        self._deaf: list[tuple[datetime, datetime]] = []
        self._truth = line.folder / "truth"
        self._truth.mkdir()
        self._going: list[tuple[Job, Going]] = []
        self._bystanders = self._settle_bystanders()

    def complain(self, *what: str) -> None:
        self.outcome.complaints += what

    @contextmanager
    def _client(self) -> Iterator[docker.APIClient]:
        client = docker.APIClient(base_url=self._daemon.address, version="auto")
        with closing(client):
            yield client

    def _settle_bystanders(self) -> Things:
        """A container and a network of somebody else's, beside those that every engine has."""
        with self._client() as client:
            network = client.create_network("bystander", labels={"others": "1"})["Id"]
            config = client.create_host_config(network_mode=network)
            made = client.create_container(
                BASE, ["sleep", "600"], name="bystander", host_config=config
            )
            client.start(made["Id"])
            return things(client)

    # acts

    def act(self) -> None:
        """Begins jobs and strikes, each in its time."""
        began = time.monotonic()
        plan: list[tuple[float, Job | Strike]] = [(job.begins, job) for job in self.scenario.jobs]
        plan += [(strike.after, strike) for strike in self.scenario.strikes]
        for after, one in sorted(plan, key=lambda act: act[0]):
            time.sleep(max(0.0, began + after - time.monotonic()))
            if isinstance(one, Job):
                self._begin(one)
            elif self._strike(one):
                self.outcome.struck.append(one.target)

    def _begin(self, job: Job) -> None:
        """Not awaited, also with ``--detach``: it may be struck before it has an answer."""
        request = job.request(str(self._truth))
        detach = ("--detach",) if job.detached else ()
        going = self._line.start_job(request, "--job-id", job.job_id, *detach, LOCALDLC_GRACE="1")
        self._going.append((job, going))

    def _strike(self, strike: Strike) -> bool:
        """Whether there was something to hit."""
        job_id = self.scenario.jobs[strike.job].job_id
        match strike.target:
            case "engine":
                return self._strike_engine(strike)
            case "disk":
                return self._strike_disk(strike)
            case "supervisor":
                self._hit[job_id].add(strike.target)
                return kill_supervisor(self._line.home / "jobs" / job_id / "lock")
        self._hit[job_id].add(strike.target)
        with self._client() as client:
            try:
                return strike_at(client, job_id, strike)
            except docker.errors.APIError:  # localdlc was faster
                return False

    def _strike_engine(self, strike: Strike) -> bool:
        for hit in self._hit.values():
            hit.add("engine")
        began = datetime.now(UTC)
        self._daemon.end(signal.SIGKILL if strike.hard else signal.SIGTERM)
        time.sleep(strike.lasts)
        self._daemon.begin(*flags(self.scenario))
        self._deaf.append((began, datetime.now(UTC)))
        return True

    def _strike_disk(self, strike: Strike) -> bool:
        for hit in self._hit.values():
            hit.add("disk")
        ballast = self._line.home / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))
        time.sleep(strike.lasts)
        ballast.unlink()
        return True

    # the end

    def settle(self) -> None:
        """Looks at the home, as a user does, until every job has its verdict."""
        until = time.monotonic() + PATIENCE
        while True:
            self._heard("list")
            waiting = [row for row in self._rows() if not row.ended]
            alive = supervisors(self._line.home)
            if not waiting and not alive:
                break
            if time.monotonic() > until:
                self.complain(f"after {PATIENCE:g} s without verdict {waiting}, alive {alive}")
                break
            time.sleep(0.5)
        self._heard("gc")

    def _rows(self) -> list[Any]:
        with closing(Store(self._line.home)) as store:
            return list(store.jobs())

    def _heard(self, *arguments: str) -> None:
        done = self._line(*arguments)
        if done.code or "Traceback" in done.err:
            self.complain(f"{' '.join(arguments)} ended with {done.code}: {done.err}")

    def judge(self) -> None:
        for job in self.scenario.jobs:
            if (self._line.home / "jobs" / job.job_id / "plan.json").exists():
                evidence = self._evidence(job)
                found = complaints(evidence)
                self.complain(*found, *(str(event) for event in evidence.events if found))
        for job, going in self._going:
            self._judge_screen(job, going)
        self._judge_engine()
        left = [name for name in unexpected_files(self._line.home) if name != "ballast"]
        self.complain(*(f"a file is left: {name}: {self._text(name)}" for name in left))

    def _text(self, name: str) -> str:
        return (self._line.home / name).read_text(errors="replace")[-3000:]

    def _judge_screen(self, job: Job, going: Going) -> None:
        """What its user saw: no trace of a bug, and all lines, if nobody killed it."""
        done = going.finish()
        if "Traceback" in done.err or "bug in localdlc" in done.err:
            self.complain(f"{job.job_id} said: {done.err}")
        if job.detached or done.code < 0 or "disk" in self._hit[job.job_id]:
            return
        shown = sorted(line.partition(" | ")[2] for line in done.lines if " | " in line)
        logs = logs_of(self._line.home, job.job_id).values()
        stored = sorted(text for streams in logs for texts in streams.values() for text in texts)
        if shown != stored:
            self.complain(f"{job.job_id} showed {len(shown)} lines and stored {len(stored)}")

    def _evidence(self, job: Job) -> Evidence:
        with closing(Store(self._line.home)) as store:
            events = [record.event for record in store.records(job.job_id)]
        return Evidence(
            job,
            events,
            logs_of(self._line.home, job.job_id),
            {file_key(file): witness(file) for file in self._truth.glob(f"{job.job_id}-*")},
            frozenset(self._hit[job.job_id]),
            self.scenario.live_restore,
            self._deaf,
        )

    def _judge_engine(self) -> None:
        with self._client() as client:
            there = things(client)
            if not {"engine"} & set(self.outcome.struck) or self.scenario.live_restore:
                state = client.inspect_container("bystander")["State"]
                if not state["Running"]:
                    self.complain(f"a bystander does not run any more: {state}")
        if left := there.keys() - self._bystanders.keys():
            self.complain(f"left on the engine: {[there[key] for key in left]}")
        if gone := {key for key in self._bystanders.keys() - there.keys() if not own(key)}:
            self.complain(f"gone from the engine: {[self._bystanders[key] for key in gone]}")

    def clear(self) -> None:
        """Whatever there is: the next scenario begins with nothing."""
        self._line.close()
        for process in supervisors(self._line.home):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if not self._daemon.runs:
            self._daemon.begin(*flags(self.scenario))
        with self._client() as client:
            for container in client.containers(all=True):
                client.remove_container(container["Id"], force=True)
            for network in client.networks():
                if network["Labels"]:
                    with suppress(docker.errors.APIError):  # it was complained about
                        client.remove_network(network["Id"])


def own(key: tuple[str, str]) -> bool:
    """Networks that an engine makes anew with every begin."""
    return key[0] == "network"


def strike_at(client: docker.APIClient, job_id: str, strike: Strike) -> bool:
    """A container or a network of the job, behind localdlc's back."""
    label = {"label": f"localdlc.job={job_id}"}
    everything = strike.target == "removal"
    containers = sorted(client.containers(all=everything, filters=label), key=lambda c: c["Id"])
    if not containers:
        return False
    one = containers[int(strike.which * len(containers))]["Id"]
    networks = [network["Id"] for network in client.networks(filters=label)]
    match strike.target:
        case "container":
            client.kill(one, signal.SIGKILL)
        case "removal":
            client.remove_container(one, force=True)
        case "disconnection":
            disconnect(client, [one], networks)
        case "network":
            disconnect(client, [container["Id"] for container in containers], networks)
            for network in networks:
                client.remove_network(network)
    return True


def disconnect(client: docker.APIClient, containers: list[str], networks: list[str]) -> None:
    for container, network in product(containers, networks):
        client.disconnect_container_from_network(container, network, force=True)


def kill_supervisor(lock: Path) -> bool:
    """The process that holds the job's lock, as the kernel says."""
    if not lock.exists():
        return False
    about = lock.stat()
    device = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        if device in line.split() and "->" not in line:
            with suppress(ProcessLookupError):
                os.kill(int(line.split()[4]), signal.SIGKILL)
                return True
    return False


def supervisors(home: Path) -> list[int]:
    """Every process of this home that still runs."""
    wanted = f"LOCALDLC_HOME={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def logs_of(home: Path, job_id: str) -> dict[Attempt, dict[str, list[str]]]:
    found = {}
    for path in (home / "jobs" / job_id / "logs").glob("*.log"):
        pod, _, attempt = path.stem.rpartition(".")
        streams: dict[str, list[str]] = {}
        for _, stream, text in read_lines(path):
            streams.setdefault(stream, []).append(text.decode())
        found[pod, int(attempt)] = streams
    return found


def file_key(file: Path) -> tuple[str, str]:
    pod, _, name = file.name.partition("@")
    return pod, name


def witness(file: Path) -> Witness:
    """It may have been killed between two of its writes."""
    match file.read_text().split():
        case ["exit", code]:
            return Witness(code=int(code))
        case [lines]:
            return Witness(int(lines))
    return Witness()
