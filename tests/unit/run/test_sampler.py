"""The sampler and what wakes it, on the fake engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import pytest
from given import JOB_ID, planned, request

from localdlc.errors import EngineUnavailable
from localdlc.job import metering
from localdlc.job.metering import Metering
from localdlc.plan.model import Plan
from localdlc.record.events import (
    Event,
    JobFinished,
    Note,
    ReplicaExited,
    ReplicaStarted,
    ReplicaUsed,
)
from localdlc.record.usage import GpuUse, Usage
from localdlc.record.usage_file import HOST, Tail, path_of, samples
from localdlc.record.view import JobView, ReplicaView
from localdlc.run import gpu_use, sampler
from localdlc.run.fake_engine import FakeEngine
from localdlc.run.found import Found, FoundContainer
from localdlc.run.gpu_use import GpuUses
from localdlc.run.inbox import Message
from localdlc.run.sampler import Running, Sampler

MIB = 1 << 20
POD = f"{JOB_ID}-worker-0"
ASK = {"CPU": "2", "Memory": "64Mi"}
END = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def plan() -> Plan:
    body = request({"Master": 1, "Worker": 1})
    for spec in body["JobSpecs"]:
        spec["ResourceConfig"] = ASK
    return planned(body)


class Answers(FakeEngine):
    """Each container's usage, one answer after another; an error is raised."""

    def __init__(self, **answers: list[Usage | Exception]) -> None:
        super().__init__(lambda replica: 0)
        self.answers = {name: iter(all_) for name, all_ in answers.items()}

    def usage(self, container_id: str) -> Usage:
        answer = next(self.answers[container_id])
        if isinstance(answer, Exception):
            raise answer
        return answer


class Looking:
    """A sampler whose clock goes two seconds at each look."""

    def __init__(self, engine: FakeEngine, plan: Plan, folder: Path) -> None:
        self.notes: list[str] = []
        self.now = 100.0
        self.sampler = Sampler(engine, plan, folder, self.notes.append, lambda: self.now)

    def __call__(self, **running: str) -> None:
        self.now += 2
        pods = {f"{JOB_ID}-{name.replace('_', '-')}": id_ for name, id_ in running.items()}
        self.sampler.look({(pod, 1): Running(id_, 100.0) for pod, id_ in pods.items()})

    @property
    def sums(self) -> dict[str, ReplicaUsed]:
        return {used.pod_id: used for used in self.sampler.sums()}


Begin = Callable[[FakeEngine], Looking]


@pytest.fixture
def looking(plan: Plan, tmp_path: Path) -> Iterator[Begin]:
    with ExitStack() as open_:

        def begin(engine: FakeEngine) -> Looking:
            look = Looking(engine, plan, tmp_path)
            open_.callback(look.sampler.close)
            return look

        yield begin


def test_each_look_is_kept_and_summed_up(looking: Begin, tmp_path: Path) -> None:
    engine = Answers(
        a=[Usage(1.0, 10 * MIB), Usage(4.0, 30 * MIB)], b=[Usage(0.0, MIB), Usage(0.0, MIB)]
    )
    look = looking(engine)
    look(worker_0="a", master_0="b")
    look(worker_0="a", master_0="b")
    kept = list(samples(path_of(tmp_path, POD, 1)))
    assert [(s.time, s.usage.cpu) for s in kept] == [(100.0, 0.0), (102.0, 1.0), (104.0, 4.0)]
    told = look.sums[POD]
    assert (told.seconds, told.cpus_mean, told.cpus_peak) == (4.0, 1.0, 1.5)
    assert (told.memory_peak, told.memory_mean) == (30 * MIB, 20 * MIB)
    assert (told.cpus_limit, told.memory_limit) == (2.0, 64 * MIB)
    assert (told.cpus_asked, told.memory_asked) == (2.0, 64 * MIB)
    assert look.sums.keys() == {POD, f"{JOB_ID}-master-0"}
    assert not look.sampler.slow


def test_the_machine_is_looked_at_from_the_second_time_on(looking: Begin, tmp_path: Path) -> None:
    look = looking(Answers())
    look()
    assert list(Tail(tmp_path / HOST).host_uses()) == []
    look()
    (use,) = Tail(tmp_path / HOST).host_uses()
    assert use.time == 104.0
    assert 0 < use.memory < use.total
    assert 0 <= use.cores <= use.cpus


def test_what_has_just_ended_keeps_what_was_seen(looking: Begin) -> None:
    look = looking(
        Answers(a=[Usage(1.0, MIB), EngineUnavailable("gone")], b=[EngineUnavailable("gone")])
    )
    look(worker_0="a", master_0="b")
    look(worker_0="a")
    assert look.sums.keys() == {POD}
    assert look.sums[POD].seconds == 2.0


def test_a_process_that_is_killed_for_memory_is_told_once(looking: Begin) -> None:
    kills = [Usage(oom_kills=n) for n in (0, 1, 1, 3)]
    look = looking(Answers(a=[*kills]))
    told = []
    for _ in kills:
        look(worker_0="a")
        told.append(len(look.notes))
    assert told == [0, 1, 1, 2]
    words = f"{POD}: the kernel killed a process of it, out of memory; its limit is 64 MiB"
    assert look.notes[0] == words
    assert look.sums[POD].oom_kills == 3


def test_an_engine_that_is_slow_is_asked_for_all_at_once(
    looking: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "SLOW", -1.0)
    meeting = Flag()

    class Slow(FakeEngine):
        """From the second look on the first answer comes after the second."""

        def usage(self, container_id: str) -> Usage:
            if look.now > 102 and container_id == "a":
                assert meeting.wait(30)
            if look.now > 102 and container_id == "b":
                meeting.set()
            return Usage(1.0)

    look = looking(Slow(lambda replica: 0))
    look(worker_0="a", master_0="b")
    look(worker_0="a", master_0="b")
    assert {used.seconds for used in look.sums.values()} == {4.0}
    assert look.sampler.slow  # and so it is asked half as often


# GPUs


class Nvml(SimpleNamespace):
    """As pynvml; GPU-lost is lost, and GPU-mig has no rate."""

    class NVMLError(Exception):
        pass

    class NVMLError_NotSupported(NVMLError):  # noqa: N801 - theirs
        pass

    down = False

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid == "GPU-lost":
            raise self.NVMLError
        return uuid

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        return SimpleNamespace(used=10, total=80)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802
        if handle == "GPU-mig":
            raise self.NVMLError_NotSupported
        return SimpleNamespace(gpu=60)

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.down = True


def test_gpus_of_a_replica_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml()
    monkeypatch.setattr(gpu_use, "loaded", lambda: nvml)
    uses = GpuUses()
    seen = uses({"GPU-a", "GPU-mig", "GPU-lost"})
    assert seen.together(("GPU-a", "GPU-mig")) == GpuUse(60.0, 20, 160)
    assert seen.together(("GPU-mig",)) == GpuUse(None, 10, 80)
    assert seen.together(("GPU-a", "GPU-lost")) == GpuUse(60.0, 10, 80)
    assert seen.together(("GPU-lost",)) is None
    assert seen.together(()) is None
    uses.close()
    assert nvml.down


def test_without_nvml_nothing_is_known_and_it_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[None] = []
    monkeypatch.setattr(gpu_use, "loaded", lambda: looked.append(None))
    uses = GpuUses()
    assert uses(()).together(("GPU-a",)) is None
    assert looked == []
    assert uses({"GPU-a"}).together(("GPU-a",)) is None
    assert uses({"GPU-a"}).together(("GPU-a",)) is None
    assert len(looked) == 1
    uses.close()


# what wakes it


class Heard:
    """Metering as a job has it, and all that comes out of it."""

    def __init__(self, plan: Plan, engine: FakeEngine, folder: Path, every: float) -> None:
        self.posted: SimpleQueue[Message] = SimpleQueue()
        self.emitted: list[Event] = []
        self.metering = Metering(plan, engine, folder, self.posted.put, every)
        self.emit = self.metering.heard(self.emitted.append)

    def start(self, container_id: str) -> None:
        self.emit(ReplicaStarted(POD, "uid", 1, container_id, "10.0.0.2"))

    def finish(self) -> None:
        self.emit(ReplicaExited(POD, 1, 0, False, None, False, END))
        self.emit(JobFinished("Succeeded", "JobSucceeded", "", POD, 1.0))
        self.metering.leave()

    @property
    def used(self) -> list[ReplicaUsed]:
        return [event for event in self.emitted if isinstance(event, ReplicaUsed)]


class Counted(FakeEngine):
    """Counts how often it was looked at; ``looked`` is set at the third time."""

    def __init__(self) -> None:
        super().__init__(lambda replica: 0)
        self.count = 0
        self.looked = Flag()

    def usage(self, container_id: str) -> Usage:
        self.count += 1
        if self.count == 3:
            self.looked.set()
        return Usage(0.001 * self.count, MIB)


@pytest.fixture
def engine() -> Counted:
    return Counted()


def test_what_was_used_is_told_before_the_verdict(
    plan: Plan, tmp_path: Path, engine: Counted
) -> None:
    heard = Heard(plan, engine, tmp_path, every=0.01)
    heard.start("a")
    assert engine.looked.wait(30)
    heard.finish()
    (used,) = heard.used
    assert (used.pod_id, used.attempt, used.memory_peak) == (POD, 1, MIB)
    assert isinstance(heard.emitted[-1], JobFinished)
    assert heard.posted.empty()


def test_what_has_just_begun_is_left_for_the_next_look(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: SimpleQueue[str] = SimpleQueue()

    class Asked(FakeEngine):
        def usage(self, container_id: str) -> Usage:
            asked.put(container_id)
            return Usage()

    class Clock:
        now = 100.0

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(metering, "time", clock)
    heard = Heard(plan, Asked(lambda replica: 0), tmp_path, every=0.01)
    heard.emit(ReplicaStarted(POD, "uid", 1, "first", "10.0.0.2"))
    clock.now = 100.006
    heard.emit(ReplicaStarted(f"{JOB_ID}-master-0", "uid", 1, "second", "10.0.0.3"))
    assert [asked.get(timeout=30) for _ in range(3)] == ["first"] * 3
    clock.now = 101.0
    while asked.get(timeout=30) != "second":
        pass
    heard.metering.leave()


def test_the_verdict_does_not_wait_for_a_look(plan: Plan, tmp_path: Path) -> None:
    looking, answered = Flag(), Flag()

    class Hangs(FakeEngine):
        def usage(self, container_id: str) -> Usage:
            looking.set()
            answered.wait(30)
            return Usage()

    heard = Heard(plan, Hangs(lambda replica: 0), tmp_path, every=0.01)
    heard.start("a")
    assert looking.wait(30)
    heard.emit(JobFinished("Succeeded", "JobSucceeded", "", POD, 1.0))
    assert isinstance(heard.emitted[-1], JobFinished)
    assert not answered.is_set()
    answered.set()
    heard.metering.leave()


def test_a_short_job_is_not_looked_at(plan: Plan, tmp_path: Path, engine: Counted) -> None:
    heard = Heard(plan, engine, tmp_path, every=60.0)
    heard.start("a")
    heard.finish()
    assert heard.used == []
    assert engine.count == 0
    assert not (tmp_path / "metrics").exists()


def test_a_disk_that_is_full_ends_the_samples_and_nothing_else(
    plan: Plan, tmp_path: Path, engine: Any
) -> None:
    (tmp_path / "metrics").write_text("in the way")
    heard = Heard(plan, engine, tmp_path, every=0.01)
    heard.start("a")
    note = heard.posted.get(timeout=30)
    assert isinstance(note, Note)
    assert note.text.startswith("what replicas use is not kept from now on: ")
    heard.finish()
    assert [type(event) for event in heard.emitted[-1:]] == [JobFinished]


def test_a_run_loads_no_sampler() -> None:
    """Nor psutil: both are paid for by jobs that last."""
    program = "import sys, localdlc.job, localdlc.job.metering; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names = set(loaded.stdout.split())
    assert "localdlc.job.metering" in names
    assert names.isdisjoint({"psutil", "pynvml", "localdlc.run.sampler", "localdlc.record.usage"})


def test_an_end_for_want_of_memory_is_told_with_the_limit(
    plan: Plan, tmp_path: Path, engine: Counted
) -> None:
    heard = Heard(plan, engine, tmp_path, every=60.0)
    heard.start("a")
    heard.emit(ReplicaExited(POD, 1, 137, True, "SIGKILL", False, END))
    assert heard.emitted[-1] == Note(
        f"{POD} ended with exit code 137: the kernel killed it, out of memory: its limit is 64 MiB"
    )


def test_an_end_after_a_process_was_killed_is_told_with_what_was_seen(
    plan: Plan, tmp_path: Path, engine: Counted
) -> None:
    heard = Heard(plan, engine, tmp_path, every=0.01)
    heard.start("a")
    assert engine.looked.wait(30)
    heard.emit(ReplicaExited(POD, 1, 1, True, None, False, END))
    assert heard.emitted[-1] == Note(
        f"{POD} ended with exit code 1: the kernel killed a process of it, out of memory: "
        "its limit is 64 MiB, the most that was sampled is 1 MiB"
    )
    heard.finish()


def test_what_an_earlier_supervisor_has_seen_counts(looking: Begin, tmp_path: Path) -> None:
    usages: list[Usage | Exception] = [Usage(1.0, 30 * MIB), Usage(2.0, 10 * MIB)]
    first = looking(Answers(a=usages))
    first(worker_0="a")
    second = looking(Answers(a=usages[1:]))
    second.now = 104.0
    second(worker_0="a")
    told = second.sums[POD]
    assert (told.seconds, told.memory_peak, told.cpus_peak) == (6.0, 30 * MIB, 0.5)
    times = [sample.time for sample in samples(path_of(tmp_path, POD, 1))]
    assert times == [100.0, 102.0, 106.0]


def test_replicas_that_run_already_are_looked_at(
    plan: Plan, tmp_path: Path, engine: Counted
) -> None:
    heard = Heard(plan, engine, tmp_path, every=0.01)
    start = ReplicaStarted(POD, "uid", 1, "a", "10.0.0.2")
    other = f"{JOB_ID}-master-0"
    ended = ReplicaExited(other, 1, 0, False, None, False, END)
    found = Found(
        "Running",
        age=9.0,
        running=9.0,
        restarts=0,
        containers=(
            FoundContainer(POD, 1, "a", "running", start),
            FoundContainer(
                ended.pod_id, 1, "b", "exited", replace(start, pod_id=ended.pod_id), ended
            ),
        ),
    )
    view = JobView(replicas={POD: ReplicaView(POD, started=END)})
    heard.metering.go_on(found, view)
    assert engine.looked.wait(30)
    heard.finish()
    (used,) = heard.used
    assert used.seconds > 1_000_000  # since the first day of the year


def test_the_gpus_that_a_job_was_given_are_looked_at(
    plan: Plan, tmp_path: Path, engine: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = Nvml()
    monkeypatch.setattr(gpu_use, "loaded", lambda: nvml)
    heard = Heard(plan, engine, tmp_path, every=0.01)

    given = [
        replace(r, resources=replace(r.resources, gpus=("GPU-a", "GPU-b"))) for r in plan.replicas
    ]
    heard.metering.know(replace(plan, replicas=tuple(given)))
    heard.start("a")
    assert engine.looked.wait(30)
    heard.finish()
    (used,) = heard.used
    assert (used.gpu_mean, used.gpu_memory_peak, used.gpu_memory) == (60.0, 20, 160)
    assert nvml.down
