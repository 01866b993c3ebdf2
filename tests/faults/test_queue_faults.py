"""Processes that are killed while they wait for GPUs or have just been given some."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from localdlc.run.waiting_list import Entry, WaitingList, folder_of

pytestmark = pytest.mark.servers

PATIENCE = 20.0
# One job on a machine of four GPUs, in a process and a home of its own. It is told how many GPUs it
# wants, tells its events, and ends when its input does. Whoever ``hangs`` creates no network.
JOB = """
import json, sys
from pathlib import Path
from threading import Event

from given import cards, planned
from queueing import wanting
from localdlc.config import Config
from localdlc.job.wiring import run_job
from localdlc.record.events import lines
from localdlc.run.engine import EngineFacts
from localdlc.run.fake_engine import FakeEngine

address, job_id, count, home, how = sys.argv[1:]

class Engine(FakeEngine):
    def describe(self):
        return EngineFacts("fake", "1", 8, 16 << 30, address)

    def create_network(self, *arguments):
        if how == "hangs":
            print(json.dumps({"type": "Hanging"}), flush=True)
            Event().wait()
        super().create_network(*arguments)

def train(replica):
    sys.stdin.read()
    return 0

def listen(record, view):
    for line in lines(record):
        print(line, flush=True)

body = wanting(1, each=int(count))
plan = planned(body, job_id, cards(4), home=Path(home))
run_job(body, plan, Engine(train), Config(Path(home)), [listen])
"""


@dataclass
class Process:
    """A job in a process of its own, and what it has told so far."""

    process: subprocess.Popen[bytes]
    events: list[dict[str, Any]] = field(default_factory=list)
    rest: bytes = b""

    def until(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not (found := next(filter(what, self.events), None)):
            assert self.hears(PATIENCE), self.events
        return found

    def until_status(self, status: str) -> None:
        self.until(lambda event: event.get("to") == status)

    def until_it_waits_for(self, text: str) -> None:
        self.until(lambda event: text in event.get("reason", ""))

    def hears(self, seconds: float) -> bool:
        """Whether the process says anything within that time."""
        out = self.process.stdout
        assert out
        if not select.select([out], [], [], seconds)[0]:
            return False
        block = out.read1()  # type: ignore[attr-defined]
        *whole, self.rest = (self.rest + block).split(b"\n")
        self.events += map(json.loads, whole)
        return bool(block)

    def let_end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.until_status("Succeeded")
        self.process.wait(PATIENCE)

    @property
    def cpu_seconds(self) -> float:
        """What all its threads have used of the processors, in the kernel's nanoseconds."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@dataclass
class Start:
    """Starts jobs, all of one engine."""

    folder: Path
    address: str = field(default_factory=lambda: f"fake://{uuid4()}")
    made: list[Process] = field(default_factory=list)

    def __call__(self, job_id: str, count: int, how: str = "runs") -> Process:
        home = self.folder / f"home-{job_id}"
        tests = Path(__file__).parent.parent
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, self.address, job_id, str(count), str(home), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{tests.parent}:{tests}", "HOME": str(self.folder)},
        )
        self.made.append(Process(process))
        return self.made[-1]

    def close(self) -> None:
        for one in self.made:
            one.process.kill()
            one.process.wait(PATIENCE)
            for stream in (one.process.stdin, one.process.stdout):
                if stream:
                    stream.close()
        shutil.rmtree(folder_of(self.address), ignore_errors=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with closing(Start(tmp_path)) as made:
        yield made


def test_a_killed_job_gives_its_place_in_the_queue_back(start: Start) -> None:
    first = start("dlca", 2)
    first.until_status("Running")
    large = start("dlcb", 4)
    large.until_it_waits_for("4 GPUs are wanted and 2 of 4 free; dlca of ")
    small = start("dlcc", 1)
    small.until_it_waits_for("dlcb goes before and wants 4 (it came earlier)")
    large.process.kill()
    small.until_status("Running")
    small.let_end()
    first.let_end()


def test_a_killed_job_gives_back_what_it_was_given_and_had_not_used(start: Start) -> None:
    """It was admitted, and killed before there was any container to tell of it."""
    first = start("dlca", 4, "hangs")
    first.until(lambda event: event["type"] == "Hanging")
    second = start("dlcb", 1)
    second.until_it_waits_for("0 of 4 free; dlca of ")
    first.process.kill()
    second.until_status("Running")
    second.let_end()


def test_many_that_wait_start_one_after_another(start: Start) -> None:
    first = start("dlca", 4)
    first.until_status("Running")
    others = [start(f"dlcq{number}", 3) for number in range(4)]
    for other in others:
        other.until_status("Queuing")
    first.process.kill()
    for _ in others:
        running = next_to_run(others)
        waiting = [one for one in others if one is not running]
        assert not any(one.hears(0) and "Running" in str(one.events) for one in waiting)
        others.remove(running)
        running.let_end()


def next_to_run(jobs: list[Process]) -> Process:
    while True:
        outs = {out: one for one in jobs if (out := one.process.stdout)}
        ready = select.select(list(outs), [], [], PATIENCE)[0]
        assert ready
        for one in map(outs.__getitem__, ready):
            one.hears(0)
            if any(event.get("to") == "Running" for event in one.events):
                return one


@pytest.mark.parametrize("others", ["still", "come and go"])
def test_a_job_that_waits_costs_less_than_a_hundredth_of_a_core(start: Start, others: str) -> None:
    first = start("dlca", 4)
    first.until_status("Running")
    second = start("dlcb", 4)
    second.until_it_waits_for("dlca of ")
    seconds = 3.0
    before = second.cpu_seconds
    if others == "come and go":
        assert come_and_go(start.address, seconds) > 10 * seconds
    assert not second.hears(seconds)
    assert second.cpu_seconds - before < 0.01 * seconds
    first.let_end()
    second.until_status("Running")
    second.let_end()


def come_and_go(address: str, seconds: float) -> int:
    """Somebody who wants other GPUs is in the list, and again and again; how often."""
    listed = WaitingList(folder_of(address))
    until = time.monotonic() + seconds
    often = 0
    while time.monotonic() < until:
        with listed.alone():
            place = listed.join(Entry("dlcz", "/home/zoe", "digest", usable=("other",), count=2))
        select.select([], [], [], 0.02)
        place.leave()
        often += 1
    return often
