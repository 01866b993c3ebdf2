"""What replicas use, read along from the store: by ``top``, and afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click.testing
import pytest
from given import JOB_ID, planned, request

from localdlc.cli import cli, usage
from localdlc.record.events import (
    Event,
    JobCreated,
    JobFinished,
    Record,
    ReplicaExited,
    ReplicaRestarted,
    ReplicaStarted,
    StatusChanged,
)
from localdlc.record.masking import Mask
from localdlc.record.metrics import JobUse
from localdlc.record.store import JobLog, Store
from localdlc.record.usage import HostUse, Sample, Usage
from localdlc.record.usage_file import (
    HOST,
    HOST_HEAD,
    SAMPLE_HEAD,
    Appended,
    host_row,
    path_of,
    sample_row,
)
from localdlc.service.watching import Watch
from localdlc.terminal.top import top_text

GIB = 1 << 30
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Running:
    """A job of two replicas in a home, as its supervisor writes it."""

    def __init__(self, home: Path) -> None:
        body = request({"Master": 1, "Worker": 1})
        for spec in body["JobSpecs"]:
            spec["ResourceConfig"] = {"CPU": "2", "Memory": "4Gi"}
        self.store = Store(home)
        self.log: JobLog = self.store.open_job(JOB_ID)
        self.log.write_document("plan.json", planned(body).to_json())
        self._files: dict[Path, Appended] = {}
        self._seq = 0
        self.say(JobCreated("job", "PyTorchJob", 2))
        for before, after in zip(("", "Creating", "EnvPreparing"), STATUSES, strict=True):
            self.say(StatusChanged(before, after))
        self.start("master-0")
        self.start("worker-0")

    def say(self, event: Event) -> None:
        self.log.append(Record(self._seq, NOW, JOB_ID, event))
        self._seq += 1

    def start(self, name: str, attempt: int = 1) -> None:
        self.say(ReplicaStarted(f"{JOB_ID}-{name}", "uid", attempt, "id", "10.0.0.2"))

    def sample(self, name: str, time: float, usage: Usage, attempt: int = 1) -> None:
        path = path_of(self.log.folder, f"{JOB_ID}-{name}", attempt)
        self._file(path, SAMPLE_HEAD).add(sample_row(Sample(time, usage)))

    def host(self, use: HostUse) -> None:
        self._file(self.log.folder / HOST, HOST_HEAD).add(host_row(use))

    def _file(self, path: Path, head: tuple[str, ...]) -> Appended:
        if path not in self._files:
            self._files[path] = Appended(path, head)
        return self._files[path]

    def finish(self) -> None:
        self.say(StatusChanged("Running", "Succeeded"))
        self.say(JobFinished("Succeeded", "JobSucceeded", "", None, 1.0))

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self.log.close()
        self.store.close()


STATUSES = ("Creating", "EnvPreparing", "Running")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "home")
    yield running
    running.close()


def test_what_is_new_is_read_along(job: Running) -> None:
    watch = Watch(job.store, "last")
    use = watch.look()
    assert (use.status, use.terminal, use.supervised, use.host) == ("Running", False, True, None)
    assert [(one.last, one.tally) for one in use.replicas] == [(None, None), (None, None)]
    job.sample("worker-0", 100.0, Usage())
    job.sample("worker-0", 102.0, Usage(1.0, 3 * GIB))
    job.host(HostUse(102.0, 1.5, 2, GIB, 8 * GIB))
    worker = watch.look().replicas[1]
    assert worker.last
    assert (worker.last.cores, worker.last.memory, worker.limits.cpus) == (0.5, 3 * GIB, 2.0)
    job.sample("worker-0", 104.0, Usage(4.0, GIB))
    use = watch.look()
    worker = use.replicas[1]
    assert worker.last
    assert worker.tally
    assert (worker.last.cores, worker.tally.most_memory) == (1.5, 3 * GIB)
    assert use.host == HostUse(102.0, 1.5, 2, GIB, 8 * GIB)


def test_what_has_ended_uses_nothing_now(job: Running) -> None:
    job.sample("worker-0", 100.0, Usage())
    job.sample("worker-0", 102.0, Usage(1.0, GIB))
    job.say(ReplicaExited(f"{JOB_ID}-worker-0", 1, 0, False, None, False, NOW))
    job.finish()
    use = Watch(job.store, JOB_ID).look()
    worker = use.replicas[1]
    assert (use.terminal, use.supervised) == (True, False)
    assert worker.last is None
    assert worker.tally
    assert worker.tally.most_memory == GIB


def test_an_attempt_counts_for_itself(job: Running) -> None:
    job.sample("worker-0", 100.0, Usage())
    job.sample("worker-0", 102.0, Usage(1.0, 3 * GIB))
    job.say(ReplicaExited(f"{JOB_ID}-worker-0", 1, 1, False, None, False, NOW))
    job.say(ReplicaRestarted(f"{JOB_ID}-worker-0", 2, "why", 1))
    job.start("worker-0", 2)
    job.sample("worker-0", 110.0, Usage(), attempt=2)
    job.sample("worker-0", 112.0, Usage(2.0, GIB), attempt=2)
    worker = Watch(job.store, JOB_ID).look().replicas[1]
    assert worker.tally
    assert (worker.attempt, worker.tally.most_memory) == (2, GIB)


def test_a_job_that_nobody_supervises_is_told_apart(job: Running) -> None:
    job.log.close()
    use = Watch(job.store, JOB_ID).look()
    assert (use.status, use.terminal, use.supervised) == ("Running", False, False)


# through the door


def say(job: Running, *arguments: str) -> click.testing.Result:
    runner = click.testing.CliRunner()
    return runner.invoke(cli, [*arguments, "--home", str(job.store.home)], obj=Mask(()))


@pytest.fixture
def sampled(job: Running) -> Running:
    job.sample("worker-0", 100.0, Usage())
    job.sample("worker-0", 102.0, Usage(1.0, 3 * GIB, received=4000))
    job.host(HostUse(102.0, 1.5, 2, GIB, 8 * GIB))
    return job


def test_top_into_a_pipe_is_one_table(sampled: Running) -> None:
    lines = say(sampled, "top", "last").output.splitlines()
    assert lines[0] == f"{JOB_ID}: Running"
    assert lines[1].split()[:3] == ["REPLICA", "STATUS", "CPU"]
    assert lines[2].split()[:4] == ["master-0", "Running", "-", "2"]
    assert lines[3].split()[:4] == ["worker-0", "Running", "0.50", "2"]
    assert "3 GiB" in lines[3]
    assert "2.0 kB/s" in lines[3]
    assert lines[4] == "this machine: 1.50 of 2 cores, 1 GiB of 8 GiB of memory"


def test_top_as_json_is_one_document(sampled: Running) -> None:
    told = json.loads(say(sampled, "top", "last", "-o", "json").output)
    master, worker = told["replicas"]
    assert (master["now"], master["memory_peak"]) == (None, None)
    assert (worker["now"]["cores"], worker["memory_peak"]) == (0.5, 3 * GIB)
    assert worker["limits"]["memory"] == 4 * GIB
    assert told["host"]["cpus"] == 2


def test_top_says_that_nobody_supervises(sampled: Running) -> None:
    sampled.log.close()
    text = top_text(Watch(sampled.store, "last").look())
    assert text.splitlines()[0] == f"{JOB_ID}: Running, but nobody supervises it now"


def test_a_table_that_is_too_long_says_how_much_is_hidden(sampled: Running) -> None:
    use = Watch(sampled.store, "last").look()
    lines = top_text(use, height=4).splitlines()
    assert lines[-2:] == ["… and 2 more", "this machine: 1.50 of 2 cores, 1 GiB of 8 GiB of memory"]
    assert len(lines) == 4
    assert top_text(use, height=5) == top_text(use)


def test_metrics_are_a_table_json_and_csv(sampled: Running) -> None:
    text = say(sampled, "show", "last", "--metrics").output.splitlines()
    assert text[1].split()[:4] == ["worker-0", "2", "0.50", "0.50"]
    told = json.loads(say(sampled, "show", "last", "--metrics", "-o", "json").output)
    assert told["Metrics"]["MemoryUsage"][0]["Metrics"] == [{"Time": 102000, "Value": 75.0}]
    head, row = say(sampled, "show", "last", "--metrics", "-o", "csv").output.splitlines()
    assert dict(zip(head.split(","), row.split(","), strict=True))["NetworkInputRate"] == "2000"


def test_a_job_that_was_not_sampled_says_so(job: Running) -> None:
    failed = say(job, "show", "last", "--metrics").exception
    assert str(failed) == (
        f"{JOB_ID} was not sampled: it ran for less than two seconds, or --metrics was off."
    )


def test_csv_is_for_metrics_alone(job: Running) -> None:
    assert "goes with --metrics" in say(job, "show", "last", "-o", "csv").output


# live


class Scripted:
    """A watch that has seen all of it already."""

    def __init__(self, *looks: tuple[str, bool]) -> None:
        self._looks = [
            JobUse(JOB_ID, status, status == "Succeeded", supervised, ())
            for status, supervised in looks
        ]

    def look(self) -> JobUse:
        return self._looks.pop(0)


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        ([("Running", True), ("Running", True), ("Succeeded", False)], "Succeeded"),
        ([("Running", True), ("Running", False), ("Running", True), ("Succeeded", False)], "Succ"),
        ([("Running", True), *[("Running", False)] * 5], "nobody supervises it now"),
    ],
)
def test_a_live_table_is_replaced_until_the_job_is_over(
    looks: list[tuple[str, bool]],
    last: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(usage, "EVERY", 0.0)
    watch = Scripted(*looks)
    usage.follow(watch, watch.look())  # type: ignore[arg-type]
    tables = capsys.readouterr().out.split(f"{JOB_ID}: ")[1:]  # click leaves escapes to terminals
    assert len(tables) == len(looks)
    assert tables[0].startswith("Running\nREPLICA")
    assert last in tables[-1]
