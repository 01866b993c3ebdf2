"""Many jobs at once want GPUs of one machine, and some are killed: no two ever hold one GPU."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import docker
import pytest
from gpu_engines import GpuLine
from test_engine_gpus import gpu_job, planned

from localdlc.record.log_file import read_lines
from tools.gpu_engine import cards

pytestmark = [pytest.mark.engine, pytest.mark.gpu]

SCENARIOS = 200
SIDE_BY_SIDE = 4
GPUS = 6
PATIENCE = 120.0
# When a supervisor is killed: as it begins, or at what happens to a container of its job.
MOMENTS = ("begun", "create", "start", "die")
COMMAND = "echo has $NVIDIA_VISIBLE_DEVICES; sleep 0.{}"


@dataclass
class Watch:
    """Follows what an engine does: who holds which GPU, by its own telling."""

    client: docker.APIClient
    holds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    strike: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    changed: Condition = field(default_factory=Condition)

    def follow(self, events: Any) -> None:
        for event in events:
            about, what = event["Actor"]["Attributes"], event["Action"]
            with self.changed:
                self.seen[f"{event['Type']} {what}"] += 1
                self.changed.notify_all()
            if event["Type"] == "container":
                self.container(event["id"], what, about)

    def container(self, id_: str, what: str, labels: Mapping[str, str]) -> None:
        name, gpus = labels["name"], tuple(labels["localdlc.gpus"].split(","))
        if what == "start":
            self.started(id_, name, gpus)
        elif what == "die":
            self.holds.pop(name, None)
        if strike := self.strike.pop((labels["localdlc.job"], what), None):
            strike()

    def started(self, id_: str, name: str, gpus: tuple[str, ...]) -> None:
        with suppress(docker.errors.NotFound):  # gone already
            config = self.client.inspect_container(id_)["HostConfig"]
            asked = config["DeviceRequests"][0]["DeviceIDs"]
            if tuple(asked) != gpus:
                self.wrong.append(f"{name} asks for {asked} and says it has {gpus}")
        for other, theirs in self.holds.items():
            if both := set(gpus) & set(theirs):
                self.wrong.append(f"{name} and {other} hold {both}")
        self.holds[name] = gpus
        self.seen["side by side"] += len(self.holds) > 1

    def settled(self) -> bool:
        """Waits until all that was made is gone."""
        with self.changed:
            return self.changed.wait_for(
                lambda: all(
                    self.seen[f"{kind} create"] == self.seen[f"{kind} destroy"]
                    for kind in ("container", "network")
                ),
                PATIENCE,
            )


@contextmanager
def watched(address: str) -> Iterator[Watch]:
    client = docker.APIClient(base_url=address, version="auto", num_pools=64)
    watch, kinds = Watch(client), ["container", "network"]
    events = client.events(decode=True, filters={"type": kinds})
    following = Thread(target=watch.follow, args=(events,))
    following.start()
    yield watch
    events.close()
    following.join()
    client.close()


class Nursery:
    """Jobs, each in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._told = Condition()
        self._pids: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            with self._told:
                if "began" in told:
                    self._pids[told["job_id"]] = told["began"]
                else:
                    self._codes[told["job_id"]] = told["ended"]
                self._told.notify_all()

    def begin(self, **asked: Any) -> str:
        job_id: str = asked["job_id"]
        with self._told:
            assert self._process.stdin
            self._process.stdin.write(f"{json.dumps(asked)}\n")
            self._process.stdin.flush()
            assert self._told.wait_for(lambda: job_id in self._pids, PATIENCE)
        return job_id

    def kill(self, job_id: str) -> None:
        with self._told:
            if job_id not in self._codes:
                os.kill(self._pids[job_id], signal.SIGKILL)

    def code(self, job_id: str) -> int:
        with self._told:
            assert self._told.wait_for(lambda: job_id in self._codes, PATIENCE), job_id
            return self._codes[job_id]


@contextmanager
def nursery() -> Iterator[Nursery]:
    program = Path(__file__).parents[1] / "nursery.py"
    kept = {name: v for name, v in os.environ.items() if not name.startswith("LOCALDLC_")}
    with subprocess.Popen(
        (sys.executable, program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=kept,
    ) as process:
        yield Nursery(process)
        assert process.stdin
        process.stdin.close()


@dataclass(frozen=True)
class Scenario:
    """Some jobs that begin together: home, replicas, GPUs each, and when it is killed, if it is."""

    number: int
    jobs: tuple[tuple[int, int, int, str], ...]

    @classmethod
    def drawn(cls, number: int) -> Scenario:
        dice = random.Random(number)
        shapes = ((1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2))
        jobs = (
            (dice.randrange(2), *dice.choice(shapes), dice.choice(("", "", "", *MOMENTS)))
            for _ in range(dice.choice((2, 2, 2, 3)))
        )
        return cls(number, tuple(jobs))

    def run(self, line: GpuLine, jobs: Nursery, watch: Watch) -> dict[str, int]:
        """JobIds of those that were left alone, and their exit codes."""
        here = {"DOCKER_HOST": line.address, "LOCALDLC_GPU_INVENTORY": cards(GPUS)}
        alone, all_ = [], []
        for index, (home, count, gpus, moment) in enumerate(self.jobs):
            job_id = f"dlc{self.number:03d}{index}gpu000000"
            if moment in MOMENTS[1:]:
                watch.strike[job_id, moment] = lambda job_id=job_id: jobs.kill(job_id)  # type: ignore[misc]
            config = {"home": f"{line.folder}/home{home}", "metrics": "off", "pull": "never"}
            request = gpu_job(count, gpus, COMMAND.format(self.number % 8))
            jobs.begin(job_id=job_id, request=request, config=config, environment=here)
            if moment == "begun":
                jobs.kill(job_id)
            all_.append(job_id)
            alone += [job_id] * (not moment)
        codes = {job_id: jobs.code(job_id) for job_id in all_}
        return {job_id: codes[job_id] for job_id in alone}


def said(line: GpuLine, home: Path) -> Iterator[tuple[str, list[str], str]]:
    """Of every replica that said anything: who, the GPUs that its plan has, what it said."""
    for folder in sorted((home / "jobs").iterdir()):
        of_plan = planned(GpuLine(home, line.folder, line.address, GPUS), folder.name)
        for log in sorted((folder / "logs").glob("*.log")):
            pod = log.name.removeprefix(f"{folder.name}-").partition(".")[0]
            for _, _, text in read_lines(log):
                yield log.name, of_plan[pod], text.decode()


@pytest.mark.timeout(1800)
def test_no_two_ever_hold_one_gpu(gpu_engine: str, tmp_path: Path) -> None:
    line = GpuLine(tmp_path / "home0", tmp_path, gpu_engine, GPUS)
    homes = [tmp_path / "home0", tmp_path / "home1"]
    with watched(gpu_engine) as watch:
        with nursery() as jobs, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            drawn = map(Scenario.drawn, range(SCENARIOS))
            ran = [pool.submit(scenario.run, line, jobs, watch) for scenario in drawn]
            codes = {job_id: code for one in ran for job_id, code in one.result().items()}
        swept = [line("gc", "--home", str(home)).code for home in homes]
        assert watch.settled(), watch.seen
    line.close()
    told = [each for home in homes for each in said(line, home)]
    assert watch.wrong == []
    assert {*codes.values(), *swept} == {0}, {job: code for job, code in codes.items() if code}
    assert [each for each in told if each[2] != f"has {','.join(each[1])}"] == []
    assert min(len(told), watch.seen["side by side"], len(codes)) >= SCENARIOS // 2, watch.seen
