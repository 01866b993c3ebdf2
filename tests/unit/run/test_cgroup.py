from __future__ import annotations

import os
from pathlib import Path

import pytest

from localdlc.errors import EngineUnavailable
from localdlc.record.usage import Usage
from localdlc.run.cgroup import find_cgroup, places_of
from localdlc.run.container_use import reported

ID = "3499" * 16
NET = """\
Inter-|   Receive                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo
    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
  eth0: 700 8 0 0 0 0 0 0 300 5 0 0 0 0 0 0
  eth1:30 8 0 0 0 0 0 0 3 5 0 0 0 0 0 0
"""
DIVIDED = {
    f"memory/docker/{ID}/memory.usage_in_bytes": "1000\n",
    f"memory/docker/{ID}/memory.stat": "inactive_file 7\ntotal_inactive_file 400\n",
    f"memory/docker/{ID}/memory.max_usage_in_bytes": "5000\n",
    f"memory/docker/{ID}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    f"cpuacct/docker/{ID}/cpuacct.usage": "1500000000\n",
    f"blkio/docker/{ID}/blkio.throttle.io_service_bytes_recursive": (
        "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:16 Read 1\n8:16 Write 2\nTotal 33\n"
    ),
    "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 100\n8:0 Write 200\nTotal 300\n",
}
UNIFIED = {
    "memory.current": "1000\n",
    "memory.stat": "anon 5\ninactive_file 400\n",
    "memory.peak": "5000\n",
    "memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
    "cpu.stat": "usage_usec 1500000\nuser_usec 5\n",
    "io.stat": "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2 rios=1\n",
}
LEARNT = Usage(1.5, 600, 400, 5000, 730, 303, 11, 22, 2)


class Kernel:
    """Its files, below a folder."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.root = folder / "proc", folder / "cgroup"

    def write(self, name: str, text: str) -> None:
        (self.root.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root.parent / name).write_text(text)

    def divided(self) -> None:
        groups = f"9:blkio:/docker/{ID}\n4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n"
        self.write("proc/7/cgroup", f"{groups}0::/docker/{ID}\n")
        self.write("proc/7/net/dev", NET)
        for name, text in DIVIDED.items():
            self.write(f"cgroup/{name}", text)

    def unified(self, below: str = "") -> None:
        scope = f"system.slice/docker-{ID}.scope"
        self.write("proc/7/cgroup", f"0::/{scope}{below}\n")
        self.write("proc/7/net/dev", NET)
        for name, text in UNIFIED.items():
            self.write(f"cgroup/{scope}/{name}", text)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_a_kernel_with_one_tree_for_each_controller(kernel: Kernel) -> None:
    kernel.divided()
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    assert found.usage() == LEARNT


def test_a_kernel_with_one_tree_for_all(kernel: Kernel) -> None:
    kernel.unified()
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    assert found.usage() == LEARNT


def test_what_a_container_divides_below_its_own_counts_with_it(kernel: Kernel) -> None:
    kernel.unified(below="/init.scope")
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    assert found.usage() == LEARNT


def test_an_older_kernel_knows_no_peak_and_may_count_no_disk(kernel: Kernel) -> None:
    kernel.unified()
    for name in ("memory.peak", "io.stat"):
        (kernel.root / f"system.slice/docker-{ID}.scope" / name).unlink()
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    usage = found.usage()
    assert (usage.peak, usage.read, usage.written) == (None, None, None)
    assert usage.cpu == 1.5


@pytest.mark.parametrize("of_all", ["Total 0\n", "8:0 Read 0\n8:0 Write 0\nTotal 0\n"])
def test_a_kernel_that_counts_nobodys_disk_does_not_say_none(kernel: Kernel, of_all: str) -> None:
    kernel.divided()
    kernel.write("cgroup/blkio/blkio.throttle.io_service_bytes_recursive", of_all)
    kernel.write(f"cgroup/blkio/docker/{ID}/blkio.throttle.io_service_bytes_recursive", "Total 0\n")
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    assert (found.usage().read, found.usage().written) == (None, None)


def test_a_process_of_the_same_number_on_this_machine_is_another(kernel: Kernel) -> None:
    kernel.write("proc/7/cgroup", "0::/user.slice\n")
    assert find_cgroup(7, ID, kernel.proc, kernel.root) is None
    assert find_cgroup(8, ID, kernel.proc, kernel.root) is None


def test_counters_out_of_sight_are_none_of_ours(kernel: Kernel) -> None:
    kernel.divided()
    (kernel.root / f"cpuacct/docker/{ID}/cpuacct.usage").unlink()
    assert find_cgroup(7, ID, kernel.proc, kernel.root) is None


def test_a_container_that_is_gone_is_told_by_its_files(kernel: Kernel) -> None:
    kernel.divided()
    found = find_cgroup(7, ID, kernel.proc, kernel.root)
    assert found
    (kernel.proc / "7/net/dev").unlink()
    with pytest.raises(OSError, match="net/dev"):
        found.usage()


def test_places_are_those_that_name_the_container() -> None:
    text = f"3:cpu,cpuacct:/a/docker-{ID}.scope/x\n2:pids:/else\n"
    assert places_of(text, ID) == {
        "cpu": f"a/docker-{ID}.scope",
        "cpuacct": f"a/docker-{ID}.scope",
    }


def test_this_process_is_no_container() -> None:
    assert find_cgroup(os.getpid(), ID) is None


# as an engine tells it

ANSWER = {
    "id": ID,
    "cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}},
    "memory_stats": {"usage": 1000, "max_usage": 5000, "stats": {"total_inactive_file": 400}},
    "networks": {"eth0": {"rx_bytes": 700, "tx_bytes": 300}, "e": {"rx_bytes": 30, "tx_bytes": 3}},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 11},
            {"op": "write", "value": 22},
            {"op": "Total", "value": 33},
        ]
    },
}


def test_the_engine_tells_the_same_but_for_kills() -> None:
    told = reported(ANSWER)
    assert (told.cpu, told.memory, told.cache, told.peak) == (1.5, 600, 400, 5000)
    assert (told.received, told.sent, told.read, told.written) == (730, 303, 11, 22)
    assert told.oom_kills is None


def test_the_engine_tells_of_one_tree_for_all() -> None:
    memory = {"usage": 1000, "stats": {"inactive_file": 400}}
    bare = {**ANSWER, "memory_stats": memory, "networks": None, "blkio_stats": None}
    told = reported(bare)
    assert (told.memory, told.peak, told.received, told.read) == (600, None, 0, 0)


def test_the_engine_tells_nothing_of_what_has_ended() -> None:
    with pytest.raises(EngineUnavailable, match="not running"):
        reported({**ANSWER, "memory_stats": {}})
