"""Jobs that wait for each other's GPUs: several supervisors on one engine."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from threading import Event as Flag

import pytest
from given import cards, planned
from queueing import Machine, Queued, wanting

from localdlc.errors import ResourceError
from localdlc.job.admission import resume
from localdlc.plan.gpus import allocate
from localdlc.plan.model import Plan
from localdlc.record.events import JobQueued, ReplicaStarted, StatusChanged
from localdlc.record.store import Store, home_digest
from localdlc.run.containers import container_of, hosts
from localdlc.run.engine import EngineGone, Leftover
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.run.waiting_list import Entry, Place, WaitingList, folder_of

pytestmark = pytest.mark.usefixtures("alone")


class Ends(dict[str, Flag]):
    """When the replicas of each job are to end."""

    def __missing__(self, job_id: str) -> Flag:
        return self.setdefault(job_id, Flag())


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def machine(ends: Ends, tmp_path: Path) -> Iterator[Machine]:
    """Four GPUs. Whatever a test does, in the end nobody is in the list any more."""

    def script(replica: FakeReplica) -> int:
        replica.write(f"{' '.join(replica.spec.resources.gpus)}\n".encode())
        end = ends[replica.spec.labels["localdlc.job"]]
        while not end.is_set():
            if replica.wait_for_signal(0.02):
                return 143
        return 0

    made = Machine(FakeEngine(script), tmp_path, cards(4))
    yield made
    for job in made.jobs.values():
        ends[job.job_id].set()
        job.control.stop("SIGTERM")
        job.ended()
    assert not folder_of(made.engine.describe().address).exists()


def running(machine: Machine, job_id: str, count: int, **members: object) -> Queued:
    job = machine.start(job_id, wanting(count, **members))  # type: ignore[arg-type]
    job.until_status("Running")
    return job


def test_a_job_that_fits_does_not_queue(machine: Machine, ends: Ends) -> None:
    ends["dlca"].set()
    job = machine.start("dlca", wanting(2, each=2)).ended()
    assert job.statuses == "Creating EnvPreparing Running Succeeded"
    assert job.seen == {"GPU-0", "GPU-1", "GPU-2", "GPU-3"}


def test_who_does_not_fit_waits_and_says_for_what(
    machine: Machine, ends: Ends, tmp_path: Path
) -> None:
    running(machine, "dlca", 3)
    job = machine.start("dlcb", wanting(2))
    reason = f"2 GPUs are wanted and 1 of 4 free; dlca of {tmp_path / 'dlca'} holds 3"
    job.until_it_waits_for(reason)
    assert (job.view.status, job.view.reason_message) == ("Queuing", reason)
    store = Store(tmp_path / "dlcb")
    assert [row.status for row in store.jobs()] == ["Queuing"]
    store.close()
    ends["dlca"].set()
    ends["dlcb"].set()
    job.ended()
    assert job.statuses == "Creating Queuing EnvPreparing Running Succeeded"
    codes = [event.reason_code for event in job.of(StatusChanged)]
    assert codes[1:3] == ["JobEnqueued", "JobDequeued"]
    assert job.view.history[1].reason_message.startswith("2 GPUs are wanted")


def test_two_that_fit_have_no_gpu_in_common(machine: Machine, ends: Ends) -> None:
    first, second = running(machine, "dlca", 2), running(machine, "dlcb", 2)
    ends["dlca"].set()
    ends["dlcb"].set()
    seen = [*first.ended().seen, *second.ended().seen]
    assert sorted(seen) == ["GPU-0", "GPU-1", "GPU-2", "GPU-3"]


def test_the_higher_priority_goes_first_then_the_older(machine: Machine, ends: Ends) -> None:
    running(machine, "dlca", 4)
    for job_id, priority in [("dlcb", 1), ("dlcc", 9), ("dlcd", 9), ("dlce", 0)]:
        machine.start(job_id, wanting(3, Priority=priority)).until_status("Queuing")
    for job_id in ("dlca", "dlcc", "dlcd", "dlcb", "dlce"):
        machine.jobs[job_id].until_status("Running")
        started = [job.job_id for job in machine.jobs.values() if "Running" in job.statuses]
        assert job_id in started
        ends[job_id].set()
        machine.jobs[job_id].ended()
    order = sorted(
        machine.jobs.values(),
        key=lambda job: next(r.time for r in job.records if "Running" in str(r.event)),
    )
    assert [job.job_id for job in order] == ["dlca", "dlcc", "dlcd", "dlcb", "dlce"]


def test_a_small_new_job_does_not_slip_past_an_older_large_one(
    machine: Machine, ends: Ends
) -> None:
    running(machine, "dlca", 3)
    machine.start("dlcb", wanting(4)).until_status("Queuing")
    small = machine.start("dlcc", wanting(1))
    small.until_it_waits_for("dlcb goes before and wants 4 (it came earlier)")
    machine.start("dlcd", wanting(1, Priority=7)).until_status("Running")
    small.until_it_waits_for("dlcd of ")
    ends["dlca"].set()
    ends["dlcd"].set()
    machine.jobs["dlcb"].until_status("Running")
    ends["dlcb"].set()
    small.until_status("Running")


def test_what_is_waited_for_is_told_again_when_it_changes(machine: Machine, ends: Ends) -> None:
    running(machine, "dlca", 2)
    running(machine, "dlcb", 2)
    job = machine.start("dlcc", wanting(4))
    job.until_it_waits_for("4 GPUs are wanted and 0 of 4 free; dlca of ")
    ends["dlca"].set()
    job.until_it_waits_for("4 GPUs are wanted and 2 of 4 free; dlcb of ")
    assert job.view.reason_message == job.of(JobQueued)[-1].reason
    assert job.statuses == "Creating Queuing"


def test_no_wait_is_an_error_of_the_machine(machine: Machine) -> None:
    running(machine, "dlca", 4)
    job = machine.start("dlcb", wanting(1), no_wait=True).ended()
    assert isinstance(job.error, ResourceError)
    assert job.error.exit_code == 3
    assert str(job.error).startswith("1 GPU is wanted and 0 of 4 free; dlca of ")
    assert job.statuses == "Creating Failed"


def test_a_job_that_is_stopped_in_the_queue_gives_its_place_back(
    machine: Machine, ends: Ends
) -> None:
    running(machine, "dlca", 2)
    large = machine.start("dlcb", wanting(4))
    large.until_status("Queuing")
    small = machine.start("dlcc", wanting(1))
    small.until_it_waits_for("dlcb goes before")
    large.control.stop("SIGINT")
    large.ended()
    assert large.statuses == "Creating Queuing Stopping Stopped"
    assert large.result
    assert large.result.exit_code == 130
    small.until_status("Running")


def test_a_job_that_is_killed_in_the_queue_gives_its_place_back(machine: Machine) -> None:
    running(machine, "dlca", 4)
    job = machine.start("dlcb", wanting(4))
    job.until_status("Queuing")
    job.control.kill()
    assert job.ended().statuses == "Creating Queuing Stopping Stopped"


def test_a_job_keeps_its_gpus_until_its_containers_are_gone(machine: Machine, ends: Ends) -> None:
    """One of its replicas has ended, and its GPU is not given away: it may begin anew."""
    first = machine.start("dlca", wanting(3))
    first.until(lambda event: isinstance(event, ReplicaStarted) and "worker-0" in event.pod_id)
    engine = machine.engine
    worker = next(c for c in engine.unended() if c.name == "dlca-worker-0")
    assert isinstance(engine, FakeEngine)
    engine.containers[worker.id].finish(0)
    assert worker.id not in {c.id for c in engine.unended()}
    machine.start("dlcb", wanting(2)).until_it_waits_for("dlca of ")
    assert machine.jobs["dlcb"].of(JobQueued)[0].reason.endswith("holds 3")


def test_jobs_without_gpus_wait_for_nobody(machine: Machine, ends: Ends) -> None:
    running(machine, "dlca", 4)
    ends["dlcb"].set()
    job = machine.start("dlcb", wanting(2, each=0), no_wait=True).ended()
    assert job.statuses == "Creating EnvPreparing Running Succeeded"


def test_jobs_that_share_wait_for_nobody_who_shares(machine: Machine, ends: Ends) -> None:
    first = machine.start("dlca", wanting(4), gpus="share")
    first.until_status("Running")
    second = machine.start("dlcb", wanting(8), gpus="share")
    second.until_status("Running")
    assert "Queuing" not in second.statuses
    alone = machine.start("dlcc", wanting(1))
    alone.until_it_waits_for("0 of 4 free")
    ends["dlca"].set()
    ends["dlcb"].set()
    alone.until_status("Running")


# what killed runs left


def wreck(machine: Machine, home: Path, count: int) -> str:
    """A container that runs for a job whose localdlc is gone; returns its id."""
    plan = allocate(planned(wanting(1, each=count), "dlcgone", machine.here), machine.here, ())
    assert isinstance(plan, Plan)
    placed = plan.placed(IPv4Network("10.1.1.0/29"))
    spec = container_of(placed, placed.replicas[0], home_digest(home), hosts(placed), 1)
    container = machine.engine.create(spec)
    machine.engine.start(container)
    return container


def test_gpus_of_a_killed_run_of_this_home_come_back_at_once(
    machine: Machine, tmp_path: Path
) -> None:
    wreck(machine, tmp_path / "dlca", 4)
    job = machine.start("dlca", wanting(4))
    job.until_status("Running")
    assert "dlcgone-master-0" not in {c.name for c in machine.engine.unended()}


def test_gpus_of_a_killed_run_of_another_home_come_back_when_its_containers_are_gone(
    machine: Machine, tmp_path: Path
) -> None:
    container = wreck(machine, tmp_path / "other", 4)
    job = machine.start("dlca", wanting(1))
    job.until_it_waits_for("dlcgone of another home holds 4, left by a localdlc that was killed")
    machine.engine.remove(container)
    job.until_status("Running")


def test_another_supervisor_that_carries_on_holds_what_the_job_has(machine: Machine) -> None:
    plan = allocate(planned(wanting(3), "dlcgone", machine.here), machine.here, ())
    assert isinstance(plan, Plan)
    place = resume(plan, machine.engine, machine.folder / "home")
    assert isinstance(place, Place)
    job = machine.start("dlca", wanting(2))
    job.until_it_waits_for(f"1 of 4 free; dlcgone of {machine.folder / 'home'} holds 3")
    place.leave()
    job.until_status("Running")


def test_nobody_carries_on_with_gpus_that_another_was_given_meanwhile(machine: Machine) -> None:
    """They were free: no container of the job ran when its supervisor was killed."""
    plan = allocate(planned(wanting(3), "dlcgone", machine.here), machine.here, ())
    assert isinstance(plan, Plan)
    machine.start("dlca", wanting(2)).until_status("Running")
    why = resume(plan, machine.engine, machine.folder / "home")
    assert why == f"dlca of {machine.folder / 'dlca'} has its GPUs by now"


@pytest.fixture
def gone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Flag:
    """Whether the engine is, for those who ask what runs."""
    away, asked = Flag(), machine.engine.unended

    def unended() -> tuple[Leftover, ...]:
        if away.is_set():
            raise EngineGone("cannot list what runs")
        return asked()

    monkeypatch.setattr(machine.engine, "unended", unended)
    return away


def test_who_waits_outlasts_an_engine_that_is_restarted(
    machine: Machine, ends: Ends, gone: Flag
) -> None:
    running(machine, "dlca", 3)
    job = machine.start("dlcb", wanting(2))
    job.until_it_waits_for("holds 3")
    gone.set()
    ends["dlca"].set()
    job.until_it_waits_for("the engine is gone; it is waited for, 120 s at most")
    gone.clear()
    job.until_status("Running")


def test_an_engine_that_does_not_come_back_is_not_waited_for_for_ever(
    machine: Machine, ends: Ends, gone: Flag
) -> None:
    running(machine, "dlca", 3)
    job = machine.start("dlcb", wanting(2), engine_patience=0.0)
    job.until_it_waits_for("holds 3")
    gone.set()
    ends["dlca"].set()
    assert isinstance(job.ended().error, EngineGone)


def test_who_has_just_come_waits_for_no_engine(machine: Machine, gone: Flag) -> None:
    gone.set()
    assert isinstance(machine.start("dlca", wanting(1)).ended().error, EngineGone)


# exactly what is asked for


def test_exact_runs_beside_nobody_who_has_the_rest(machine: Machine, tmp_path: Path) -> None:
    """Eight cores: the first has five, also of replicas without GPUs."""
    machine.start("dlca", wanting(5, each=0)).until_status("Running")
    job = machine.start("dlcb", wanting(4, each=0), resources="exact").ended()
    assert isinstance(job.error, ResourceError)
    assert str(job.error).startswith(
        "this machine has less free than the job asks for. CPU: 4 cores are asked for at the same "
        "time (1 Master of 1 core, 3 Worker of 1 core), free are 3 cores of 8 cores: "
        "dlca of another home holds 5 cores."
    )
    machine.start("dlcc", wanting(3, each=0), resources="exact").until_status("Running")


def test_exact_counts_what_another_has_been_promised(machine: Machine, tmp_path: Path) -> None:
    """Before any container is there: by its entry in the list."""
    listed = WaitingList(folder_of(machine.engine.describe().address))
    with listed.alone():
        place = listed.join(
            Entry("dlcp", "/home/bo/.localdlc", "digest", admitted=True, cpus=7000, memory=1 << 30)
        )
    job = machine.start("dlcb", wanting(2, each=0), resources="exact").ended()
    place.leave()
    assert "free are 1 core of 8 cores: dlcp of /home/bo/.localdlc holds 7 cores" in str(job.error)
    assert job.error
    assert job.error.exit_code == 3
