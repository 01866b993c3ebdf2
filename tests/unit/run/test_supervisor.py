"""Whole jobs on the fake engine: what happens, in which order, and that nothing is left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from typing import Any, Literal

import pytest
from clocked import PATIENCE, Clocked, at_every_line, by_name, deaf, ready, until_stopped
from given import JOB_ID, planned, request, short

import localdlc
from localdlc.config import load_config
from localdlc.errors import (
    EngineUnavailable,
    ImageError,
    InputError,
    InvalidRequest,
    JobNotSucceeded,
    LocaldlcError,
    UsageError,
)
from localdlc.job.result import Result
from localdlc.record.events import (
    Event,
    JobFinished,
    Log,
    Record,
    ReplicaExited,
    ReplicaStarted,
    StatusChanged,
)
from localdlc.record.store import Store
from localdlc.record.view import fold
from localdlc.run.control import Control
from localdlc.run.engine import ContainerSpec, Exit
from localdlc.run.fake_engine import FakeEngine, FakeReplica, Script
from localdlc.service import Service

pytestmark = pytest.mark.usefixtures("alone")


@dataclass
class Job:
    """A run of a request on an engine, with everything that was told about it."""

    home: Path
    engine: FakeEngine
    records: list[Record] = field(default_factory=list)
    listener: Callable[[Record], object] = lambda record: None

    def run(self, body: dict[str, Any], **settings: Any) -> Result:
        def on_event(record: Record) -> None:
            self.records.append(record)
            self.listener(record)

        return localdlc.run(
            body, on_event=on_event, engine=self.engine, job_id=JOB_ID, home=self.home, **settings
        )

    def of(self, kind: type[Event]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    @property
    def statuses(self) -> str:
        return " ".join(event.to for event in self.of(StatusChanged))

    @property
    def started(self) -> list[str]:
        return [short(event.pod_id) for event in self.of(ReplicaStarted)]

    def ended(self, name: str) -> ReplicaExited:
        ends: list[ReplicaExited] = self.of(ReplicaExited)
        return next(end for end in ends if short(end.pod_id) == name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


Jobs = Callable[[FakeEngine], Job]


@pytest.fixture
def jobs(home: Path) -> Iterator[Jobs]:
    """Makes jobs; in the end nothing of them is left on the engine, and their story is whole."""
    made: list[Job] = []

    def make(engine: FakeEngine) -> Job:
        made.append(Job(home, engine))
        return made[-1]

    yield make
    for job in made:
        assert (job.engine.containers, job.engine.networks) == ({}, {})
        assert fold(job.records).terminal
        assert [r.seq for r in job.records] == sorted(r.seq for r in job.records)
        store = Store(home)
        stored = store.records(JOB_ID)
        store.close()
        assert stored == [r for r in job.records if not isinstance(r.event, Log)]


# the ends of a job


class TellsLate(FakeEngine):
    """Has started the master, and says so only when a worker's end is known."""

    def __init__(self) -> None:
        super().__init__(self.works)
        self.heard = Flag()

    def start(self, container_id: str) -> None:
        super().start(container_id)
        if "master" in self.containers[container_id].spec.name:
            assert self.heard.wait(PATIENCE)

    def works(self, replica: FakeReplica) -> int:
        if "master" in replica.spec.name:
            return 0
        [master] = [id_ for id_, one in self.containers.items() if "master" in one.spec.name]
        self.wait(master)
        return 1


def test_a_job_that_has_succeeded_has_run_in_whatever_order_that_is_heard(jobs: Jobs) -> None:
    engine = TellsLate()
    job = jobs(engine)
    job.listener = lambda record: (
        engine.heard.set() if isinstance(record.event, ReplicaExited) else None
    )
    result = job.run(request({"Master": 1, "Worker": 1}, "SlurmJob"))
    assert job.started == ["worker-0", "master-0"]
    assert job.statuses == "Creating EnvPreparing Running Succeeded"
    assert result.view.deciding_replica == f"{JOB_ID}-master-0"


def test_replicas_are_told_in_the_order_of_the_plan(jobs: Jobs) -> None:
    result = jobs(FakeEngine(by_name())).run(request({"Worker": 12}))
    assert list(result.replicas) == ["master-0", *(f"worker-{n}" for n in range(11))]


def test_a_job_whose_replicas_all_exit_0_has_succeeded(jobs: Jobs) -> None:
    job = jobs(FakeEngine(by_name()))
    result = job.run(request({"Worker": 3}))
    assert (result.status, result.exit_code) == ("Succeeded", 0)
    assert job.statuses == "Creating EnvPreparing Running Succeeded"
    assert {name: replica.status for name, replica in result.replicas.items()} == {
        "master-0": "Succeeded",
        "worker-0": "Succeeded",
        "worker-1": "Succeeded",
    }
    result.raise_for_status()


def test_a_failure_stops_the_others_at_once(jobs: Jobs) -> None:
    job = jobs(
        FakeEngine(by_name(master_0=until_stopped, worker_0=lambda _: 3, worker_1=until_stopped))
    )
    result = job.run(request({"Worker": 3}))
    assert (result.status, result.exit_code) == ("Failed", 1)
    assert result.view.deciding_replica == f"{JOB_ID}-worker-0"
    assert result.view.reason_message == (
        f"PyTorchJob {JOB_ID} is failed because 1 Worker replica(s) failed."
    )
    ends = {short(e.pod_id): (e.exit_code, e.stopped_by_us) for e in job.of(ReplicaExited)}
    assert ends["worker-0"] == (3, False)
    assert all(end == (143, True) for name, end in ends.items() if name != "worker-0")
    with pytest.raises(JobNotSucceeded, match="ended Failed"):
        result.raise_for_status()


def test_parameter_servers_that_never_end_are_stopped_when_the_chief_is_done(jobs: Jobs) -> None:
    job = jobs(FakeEngine(by_name(ps_0=until_stopped, worker_0=until_stopped)))
    result = job.run(
        request({"Chief": 1, "Worker": 1, "PS": 1}, "TFJob", SuccessPolicy="ChiefWorker")
    )
    assert result.status == "Succeeded"
    assert result.view.deciding_replica == f"{JOB_ID}-chief-0"
    assert job.ended("ps-0").stopped_by_us
    assert not job.ended("chief-0").stopped_by_us


def test_memory_and_signals_are_told(jobs: Jobs) -> None:
    def hungry(replica: FakeReplica) -> int:
        raise MemoryError

    result = jobs(FakeEngine(hungry)).run(request({"Worker": 1}))
    replica = result.replicas["master-0"]
    assert (replica.exit_code, replica.oom, replica.signal) == (137, True, "SIGKILL")


def test_a_script_that_breaks_is_a_replica_that_fails(jobs: Jobs) -> None:
    def breaks(replica: FakeReplica) -> int:
        raise RuntimeError("no data")

    result = jobs(FakeEngine(breaks)).run(request({"Worker": 1}))
    assert result.status == "Failed"
    assert result.logs("master-0") == ["RuntimeError: no data"]


# order


def test_workers_start_when_the_master_runs(jobs: Jobs) -> None:
    job = jobs(FakeEngine(by_name(master_0=lambda _: 0)))
    job.run(request({"Worker": 3}))
    assert job.started[0] == "master-0"
    assert sorted(job.started) == ["master-0", "worker-0", "worker-1"]


def test_chief_and_workers_start_when_all_parameter_servers_run(jobs: Jobs) -> None:
    job = jobs(FakeEngine(by_name(ps_0=until_stopped, ps_1=until_stopped)))
    job.run(request({"Chief": 1, "Worker": 1, "PS": 2}, "TFJob"))
    assert sorted(job.started[:2]) == ["ps-0", "ps-1"]
    assert job.statuses == "Creating EnvPreparing Running Succeeded"


def test_what_waits_when_the_job_fails_never_starts_and_what_is_starting_is_stopped(
    jobs: Jobs,
) -> None:
    class Slow(FakeEngine):
        """Makes ps-1 only when ps-0 has ended."""

        def create(self, spec: ContainerSpec) -> str:
            if "ps-1" in spec.name:
                over.wait(PATIENCE)
            return super().create(spec)

    def listen(record: Record) -> None:
        if isinstance(record.event, ReplicaExited):
            over.set()

    over = Flag()
    job = jobs(Slow(by_name(ps_0=lambda _: 1, ps_1=until_stopped)))
    job.listener = listen
    result = job.run(request({"Worker": 2, "PS": 2}, "TFJob"))
    assert (result.status, result.view.deciding_replica) == ("Failed", f"{JOB_ID}-ps-0")
    assert job.statuses == "Creating EnvPreparing Failed"
    assert job.started == ["ps-0", "ps-1"]
    assert job.ended("ps-1").stopped_by_us


# output


def test_every_line_of_every_stream_is_kept(jobs: Jobs) -> None:
    def talks(replica: FakeReplica) -> int:
        for n in range(100):
            replica.write(b"out %d\nerr" % n)
            replica.write(b" %d\n" % n)
            replica.write(b"second\n", "stderr")
        replica.write(b"\xff no newline")
        return 0

    job = jobs(FakeEngine(talks))
    result = job.run(request({"Worker": 2}))
    for name in ("master-0", "worker-0"):
        lines = result.logs(name)
        assert [line for line in lines if line != "second"] == [
            *(line for n in range(100) for line in (f"out {n}", f"err {n}")),
            "\\xff no newline",
        ]
        assert lines.count("second") == 100


def test_secrets_are_out_of_the_log_the_events_and_the_stored_documents(
    jobs: Jobs, home: Path
) -> None:
    def leaks(replica: FakeReplica) -> int:
        replica.write(f"token is {replica.env['HF_TOKEN']}\n".encode())
        return 0

    job = jobs(FakeEngine(leaks))
    result = job.run(request({"Worker": 1}, Envs={"HF_TOKEN": "hf_abcdefg"}))
    assert result.logs("master-0") == ["token is ***"]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"request.json", "plan.json", "jobs.db"}
    assert not [path for path in files if b"hf_abcdefg" in path.read_bytes()]


def test_a_secret_that_is_the_name_of_a_role_does_not_confuse_the_job(jobs: Jobs) -> None:
    custom = [{"Key": "ROLE", "Value": "master"}, {"Key": "STATE", "Value": "Running"}]
    result = jobs(FakeEngine(by_name())).run(request({"Worker": 1}, CustomEnvs=custom))
    assert result.status == "Succeeded"
    assert list(result.replicas) == ["master-0"]


# what keeps a job from running


def error_of(job: Job, body: dict[str, Any], kind: type[LocaldlcError], **settings: Any) -> str:
    with pytest.raises(kind) as error:
        job.run(body, **settings)
    return str(error.value)


def test_a_missing_image_fails_the_job_with_words(jobs: Jobs, home: Path) -> None:
    job = jobs(FakeEngine(by_name(), images=("img:2", "other:1")))
    words = error_of(job, request({"Worker": 1}), ImageError, pull="never")
    assert "the image img:1 is not on this machine" in words
    assert "look alike: img:2" in words
    assert "--image-map img:1=" in words
    assert job.statuses == "Creating EnvPreparing Failed"
    assert (job.started, job.of(JobFinished)[0].reason_message) == ([], words)


def test_an_image_map_runs_another_image(jobs: Jobs) -> None:
    job = jobs(FakeEngine(by_name(), images=("other:1",)))
    job.run(request({"Worker": 1}), image_map={"img:1": "other:1"})
    assert [r.event.type for r in job.records].count("ImageReady") == 1


def test_a_missing_data_folder_fails_the_job_with_words(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    source = {"Uri": f"file://{tmp_path}/digitz", "MountPath": "/mnt/d"}
    job = jobs(FakeEngine(by_name()))
    words = error_of(job, request({"Worker": 1}, DataSources=[source]), InputError)
    uri = f"file://{tmp_path}/digitz"
    assert f"DataSources[0]: {uri}: there is no folder {tmp_path}/digitz on this machine" in words
    assert f"Did you mean {tmp_path}/digits?" in words
    assert (job.statuses, job.started) == ("Creating EnvPreparing Failed", [])


def test_a_folder_whose_name_no_disk_can_hold_fails_the_job_too(jobs: Jobs) -> None:
    source = {"Uri": f"file:///{'x' * 300}", "MountPath": "/mnt/d"}
    job = jobs(FakeEngine(by_name()))
    error_of(job, request({"Worker": 1}, DataSources=[source]), LocaldlcError)
    assert job.statuses == "Creating EnvPreparing Failed"


def test_data_is_mounted_into_every_replica(jobs: Jobs, tmp_path: Path) -> None:
    seen: list[tuple[str, str, bool]] = []

    def looks(replica: FakeReplica) -> int:
        seen.extend((m.source, m.target, m.read_only) for m in replica.spec.mounts)
        return 0

    (tmp_path / "d").mkdir()
    source = {"Uri": "oss://b/d/", "MountPath": "/mnt/d", "MountAccess": "RO"}
    body = request({"Worker": 2}, DataSources=[source])
    result = jobs(FakeEngine(looks)).run(body, map={"oss://b/": tmp_path})
    assert result.view.inputs[0].uri == "oss://b/d/"
    assert seen == [(str(tmp_path / "d"), "/mnt/d", True)] * 2


@dataclass
class Trouble:
    """Where an engine fails, and at which replica."""

    step: Literal["create", "attach", "start", "wait"]
    name: str


class Troubled(FakeEngine):
    def __init__(self, script: Script, trouble: Trouble) -> None:
        super().__init__(script)
        self.trouble = trouble

    def _fail(self, step: str, container_id: str) -> None:
        name = short(self.containers[container_id].spec.name)
        if (step, name) == (self.trouble.step, self.trouble.name):
            raise EngineUnavailable(f"cannot {step}: the engine has a headache")

    def create(self, spec: ContainerSpec) -> str:
        if (self.trouble.step, self.trouble.name) == ("create", short(spec.name)):
            raise EngineUnavailable("cannot create: the engine has a headache")
        return super().create(spec)

    def attach(self, container_id: str) -> Any:
        self._fail("attach", container_id)
        return super().attach(container_id)

    def start(self, container_id: str) -> None:
        self._fail("start", container_id)
        super().start(container_id)

    def wait(self, container_id: str) -> Exit:
        self._fail("wait", container_id)
        return super().wait(container_id)


@pytest.mark.parametrize("step", ["create", "attach", "start"])
@pytest.mark.parametrize("name", ["master-0", "worker-1"])
def test_an_engine_that_fails_one_replica_fails_the_job_and_leaks_no_other(
    jobs: Jobs, step: Literal["create", "attach", "start"], name: str
) -> None:
    stopped = by_name(master_0=until_stopped, worker_0=until_stopped, worker_1=until_stopped)
    job = jobs(Troubled(stopped, Trouble(step, name)))
    words = error_of(job, request({"Worker": 3}), EngineUnavailable)
    assert words == f"{JOB_ID}-{name}: cannot {step}: the engine has a headache"
    assert fold(job.records).status == "Failed"
    assert all(end.stopped_by_us for end in job.of(ReplicaExited))


def test_a_replica_whose_end_nobody_learns_has_failed(jobs: Jobs) -> None:
    job = jobs(Troubled(by_name(), Trouble("wait", "master-0")))
    result = job.run(request({"Worker": 1}))
    assert result.status == "Failed"
    assert result.replicas["master-0"].lost == "cannot wait: the engine has a headache"


def test_an_engine_that_breaks_in_a_thread_does_not_leave_the_job_waiting(jobs: Jobs) -> None:
    class Broken(FakeEngine):
        def start(self, container_id: str) -> None:
            raise ZeroDivisionError("a bug of ours")

    job = jobs(Broken(by_name()))
    words = error_of(job, request({"Worker": 2}), LocaldlcError)
    assert "a bug in localdlc: ZeroDivisionError: a bug of ours" in words


def test_a_job_id_that_is_taken_starts_nothing(jobs: Jobs, home: Path) -> None:
    jobs(FakeEngine(by_name())).run(request({"Worker": 1}))
    with pytest.raises(UsageError, match=f"there is a job {JOB_ID}"):
        Job(home, FakeEngine(by_name())).run(request({"Worker": 1}))


def test_a_bad_request_leaves_no_job(home: Path) -> None:
    with pytest.raises(InvalidRequest):
        localdlc.run({"JobType": "TFJob"}, engine=FakeEngine(by_name()), home=home)
    assert not home.exists()


def test_an_unknown_setting_is_an_error_from_python_too(home: Path) -> None:
    with pytest.raises(UsageError, match="there is no setting hoem"):
        localdlc.run(request({"Worker": 1}), engine=FakeEngine(by_name()), hoem=home)


def test_a_request_may_be_a_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps(request({"Worker": 1})))
    for file in ("job.json", tmp_path / "job.json"):
        assert localdlc.run(file, engine=FakeEngine(by_name()), home=home).status == "Succeeded"
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        localdlc.run("none.json", engine=FakeEngine(by_name()), home=home)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (5, r"a request is a file, a mapping or a CreateJobRequest, not 5 \(int\)"),
        (None, "not None"),
        ([], "a request is a file"),
        (b"{}", "a request is a file"),
        ({"Envs": {"A": {1}}}, "cannot be written as JSON: Object of type set"),
    ],
)
def test_what_is_no_request_is_told(home: Path, body: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        localdlc.run(body, engine=FakeEngine(by_name()), home=home)


# stopping


def controlled(
    home: Path, engine: FakeEngine, on_log: Callable[[Control, int], None]
) -> tuple[Result, list[Record]]:
    """A job of one master and one worker; ``on_log`` is called at every line, with its number."""
    control, records = Control(), list[Record]()

    def listen(record: Record, _: object) -> None:
        records.append(record)
        if isinstance(record.event, Log):
            on_log(control, sum(isinstance(r.event, Log) for r in records))

    config = load_config({"home": home}, os.environ, home.parent)
    result = Service(config, engine).create_job(
        json.dumps(request({"Worker": 2})).encode(),
        job_id=JOB_ID,
        listeners=[listen],
        control=control,
    )
    assert (engine.containers, engine.networks) == ({}, {})
    return result, records


@pytest.mark.parametrize(
    ("by", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("stop", 5)]
)
def test_a_stop_asks_every_replica_to_end(home: Path, by: str, code: int) -> None:
    def tidy(replica: FakeReplica) -> int:
        replica.write(b"ready\n")
        assert replica.wait_for_signal(PATIENCE) == "SIGTERM"
        replica.write(b"saved\n")
        return 0

    def on_log(control: Control, line: int) -> None:
        if line == 2:
            control.stop(by)

    result, records = controlled(home, FakeEngine(tidy), on_log)
    assert (result.status, result.exit_code) == ("Stopped", code)
    assert [r.event.to for r in records if isinstance(r.event, StatusChanged)] == (
        ["Creating", "EnvPreparing", "Running", "Stopping", "Stopped"]
    )
    assert result.logs("master-0") == result.logs("worker-0") == ["ready", "saved"]
    assert {r.exit_code for r in result.replicas.values()} == {0}


def test_a_second_wish_to_stop_kills_at_once(home: Path) -> None:
    def on_log(control: Control, line: int) -> None:
        if line == 2:
            control.stop("SIGINT")
        if line == 4:
            control.kill()

    result, _ = controlled(home, FakeEngine(deaf), on_log)
    assert (result.status, result.exit_code) == ("Stopped", 130)
    assert {(r.exit_code, r.signal, r.stopped_by_us) for r in result.replicas.values()} == {
        (137, "SIGKILL", True)
    }


def test_a_stop_before_anything_runs_starts_nothing(home: Path) -> None:
    control = Control()
    control.stop("SIGINT")
    config = load_config({"home": home}, os.environ, home.parent)
    engine = FakeEngine(by_name())
    result = Service(config, engine).create_job(
        json.dumps(request({"Worker": 2})).encode(), control=control
    )
    assert (result.status, result.exit_code, result.replicas) == ("Stopped", 130, {})
    assert (engine.containers, engine.networks) == ({}, {})


# time: a clock of the test's own


def test_a_job_that_runs_longer_than_it_may_has_failed() -> None:
    plan = planned(request({"Worker": 1}, JobMaxRunningTimeMinutes=1))
    clocked = Clocked(plan, FakeEngine(ready), at_every_line(60.0))
    finish = clocked.run()
    assert (finish.status, finish.reason_code, finish.deciding_replica) == (
        "Failed",
        "JobFailed",
        None,
    )
    assert "active longer than specified deadline" in finish.reason_message
    assert finish.duration_seconds == 60.0
    assert clocked.ends() == [(143, True)]
    assert (clocked.engine.containers, clocked.engine.networks) == ({}, {})


def test_a_replica_that_ignores_sigterm_is_killed_when_its_grace_is_over() -> None:
    plan = planned(request({"Worker": 1}, JobMaxRunningTimeMinutes=1), grace=30.0)
    clocked = Clocked(plan, FakeEngine(deaf), at_every_line(60.0))
    assert clocked.run().status == "Failed"
    assert clocked.ends() == [(137, True)]
    lines = [e.data for e in clocked.events if isinstance(e, Log)]
    assert lines[:2] == [b"ready\n", b"I hear nothing\n"]


def test_without_grace_a_replica_is_killed_in_the_same_breath() -> None:
    plan = planned(request({"Worker": 1}, JobMaxRunningTimeMinutes=1), grace=0.0)
    clocked = Clocked(plan, FakeEngine(deaf), at_every_line(60.0))
    clocked.run()
    assert clocked.ends() == [(137, True)]


@pytest.mark.parametrize(
    ("keep", "kept"), [("always", ["master-0", "worker-0"]), ("failed", ["master-0"])]
)
def test_containers_are_kept_when_the_user_wants_them(keep: str, kept: list[str]) -> None:
    plan = planned(request({"Worker": 2}))
    engine = FakeEngine(by_name(master_0=lambda _: 1, worker_0=until_stopped))
    clocked = Clocked(plan, engine, lambda event: 0.0)
    assert clocked.run(keep=keep).status == "Failed"
    assert sorted(short(r.spec.name) for r in engine.containers.values()) == kept
    assert list(engine.networks) == [plan.network.name]


def test_addresses_and_hosts_are_those_of_the_subnet_that_was_free() -> None:
    plan = planned(request({"Worker": 2}))
    specs: list[ContainerSpec] = []

    def looks(replica: FakeReplica) -> int:
        specs.append(replica.spec)
        return 0

    class Busy(FakeEngine):
        """The first subnet that is looked for is taken by another in that moment."""

        def create_network(self, name: str, subnet: Any, labels: Any) -> None:
            if not self.networks:
                super().create_network("somebody-else", subnet, {})
            super().create_network(name, subnet, labels)

    engine = Busy(looks)
    assert Clocked(plan, engine, lambda event: 0.0).run().status == "Succeeded"
    assert list(engine.networks) == ["somebody-else"]
    taken = engine.networks["somebody-else"][0]
    addresses = {spec.ip for spec in specs}
    assert len(addresses) == 2
    assert not [ip for ip in addresses if ip in map(str, taken)]
    names = dict(specs[0].hosts)
    assert addresses == {names.get(r.pod_id, specs[0].ip) for r in plan.replicas}
