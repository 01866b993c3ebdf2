"""What replicas use, sampled on the real engine; and ends for want of memory, of every kind."""

from __future__ import annotations

import csv
import io
import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from engines import BASE, CommandLine, job, job_with

from localdlc.plan.model import Resources
from localdlc.record.store import home_digest
from localdlc.run import container_use
from localdlc.run.docker_engine import connect
from localdlc.run.engine import ContainerSpec

pytestmark = pytest.mark.engine

MIB = 1 << 20
# Holds so many bytes for so many seconds, and burns the rest of its time.
HOLD = """python3 -c '
import time
b = b"x" * ({mib} << 20)
print("holding", flush=True)
until = time.monotonic() + {seconds}
while time.monotonic() < until: pass
'"""
# A spike between two looks: the kernel alone has seen it.
SPIKE = """python3 -uc '
import os, time
print("begun")
time.sleep(2.6)
if os.fork() == 0:
    b = b"x" * (48 << 20)
    os._exit(0)
os.wait()
time.sleep(2.2)
'"""


def test_what_a_replica_uses_is_sampled_and_told(localdlc: CommandLine) -> None:
    asked = {"CPU": "1", "Memory": "512Gi"}
    done = localdlc.run(job_with(asked, HOLD.format(mib=100, seconds=5)), "-o", "json")
    assert done.code == 0
    (used,) = done.of("ReplicaUsed")
    assert 3 < used["seconds"] < 8
    assert 100 * MIB < used["memory_peak"] < 160 * MIB
    assert used["memory_asked"] == 512 << 30
    assert 0 < used["memory_limit"] < 512 << 30
    assert 0.01 < used["cpus_mean"] <= used["cpus_peak"] < 1.5
    assert used["oom_kills"] in {0, None}
    kinds = [event["type"] for event in done.events]
    assert kinds.index("ReplicaUsed") < kinds.index("JobFinished")
    shown = localdlc("show", "last").text
    assert "asked 512 GiB, given " in shown
    table = localdlc("show", "last", "--metrics").text.splitlines()
    assert table[1].split()[0] == "master-0"
    rows = list(
        csv.DictReader(io.StringIO(localdlc("show", "last", "--metrics", "-o", "csv").text))
    )
    assert len(rows) >= 2
    assert max(float(row["MemoryBytes"]) for row in rows) == used["memory_peak"]


def test_a_spike_between_two_looks_is_seen(localdlc: CommandLine) -> None:
    done = localdlc.run(job_with({"CPU": "1", "Memory": "256Mi"}, SPIKE), "-o", "json")
    (used,) = done.of("ReplicaUsed")
    assert used["memory_peak"] > 48 * MIB
    assert used["memory_mean"] < 40 * MIB


def test_nothing_is_sampled_when_it_is_not_wanted(localdlc: CommandLine) -> None:
    done = localdlc.run(job("sleep 3"), "--metrics", "off", "-o", "json")
    assert done.code == 0
    assert done.of("ReplicaUsed") == []
    assert not list(localdlc.home.glob("jobs/*/metrics"))
    assert "was not sampled" in localdlc("show", "last", "--metrics").err


def test_top_reads_along_from_another_process(localdlc: CommandLine) -> None:
    going = localdlc.start_job(job(HOLD.format(mib=50, seconds=8), {"Master": 1, "Worker": 1}))
    going.wait_for("holding")
    seen: dict[str, dict[str, object]] = {}
    while len(seen) < 2 and going.process.poll() is None:
        told = json.loads(localdlc("top", "last", "-o", "json").text)
        assert told["status"] == "Running"
        seen = {one["pod_id"]: one["now"] for one in told["replicas"] if one["now"]}
    for now in seen.values():
        assert isinstance(now["memory"], int)
        assert now["memory"] > 50 * MIB
    assert going.finish().code == 0
    assert len(seen) == 2


# ends for want of memory


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("exec python3 -c 'bytearray(1 << 30)'", 137, "the kernel killed it, out of memory"),
        ("python3 -c 'bytearray(1 << 30)' || exit 7", 7, "the kernel killed a process of it"),
        ("python3 -c 'bytearray(1 << 30)'; exit 0", 0, "the kernel killed a process of it"),
        ("kill -9 $$", 137, ""),
    ],
)
def test_a_kill_for_memory_is_told_from_others(
    localdlc: CommandLine, command: str, code: int, words: str
) -> None:
    done = localdlc.run(job_with({"CPU": "1", "Memory": "128Mi"}, command), "-o", "json")
    (end,) = done.of("ReplicaExited")
    assert (end["exit_code"], end["oom"]) == (code, bool(words))
    told = [note["text"] for note in done.of("Note") if "out of memory" in note["text"]]
    if words:
        (note,) = told
        assert words in note
        assert note.endswith("its limit is 128 MiB")
    else:
        assert told == []


def test_a_process_that_is_killed_while_the_replica_goes_on_is_told_at_once(
    localdlc: CommandLine,
) -> None:
    command = "python3 -c 'bytearray(1 << 30)'; echo going on; sleep 60"
    going = localdlc.start_job(job_with({"CPU": "1", "Memory": "128Mi"}, command))
    going.wait_for("the kernel killed a process of it, out of memory; its limit is 128 MiB")
    assert going.interrupt_group().finish().code == 130


def test_a_full_shm_is_told_with_its_size(localdlc: CommandLine) -> None:
    fills = """exec python3 -c '
import mmap, os
f = os.open("/dev/shm/x", os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 64 << 20)
mmap.mmap(f, 64 << 20).write(b"x" * (64 << 20))
'"""
    ask = {"CPU": "1", "Memory": "512Mi", "SharedMemory": "8Mi"}
    done = localdlc.run(job_with(ask, fills))
    assert done.code == 1
    assert "exit code 135 (SIGBUS)" in done.err
    assert "/dev/shm" in done.err
    assert "8 MiB" in done.err
    assert "SharedMemory" in done.err


def test_an_engine_out_of_sight_tells_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(os.environ)
    hold = "import signal; b = b'x' * (40 << 20); print('holding', flush=True); signal.pause()"
    spec = ContainerSpec(
        name=f"localdlc-test-usage-{os.getpid()}",
        hostname="",
        image=BASE,
        command=("python3", "-c", hold),
        env={},
        network="none",
        ip="",
        hosts=(),
        mounts=(),
        resources=Resources(memory=256 * MIB),
        labels={"localdlc.home": home_digest(tmp_path / "home")},
    )
    container = engine.create(spec)
    try:
        with closing(engine.attach(container)) as output:
            engine.start(container)
            assert next(iter(output))[1] == b"holding\n"
            by_kernel = engine.usage(container)
            monkeypatch.setattr(container_use, "find_cgroup", lambda pid, container_id: None)
            with closing(connect(os.environ)) as distant:
                by_engine = distant.usage(container)
    finally:
        engine.remove(container)
        engine.close()
    assert by_kernel.memory > 40 * MIB
    assert abs(by_engine.memory - by_kernel.memory) < 8 * MIB
    assert 0 <= by_engine.cpu - by_kernel.cpu < 5
    assert (by_engine.received, by_engine.sent) == (by_kernel.received, by_kernel.sent)
