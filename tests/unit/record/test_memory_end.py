from __future__ import annotations

import pytest

from localdlc.record.events import ReplicaUsed
from localdlc.record.memory_end import MemoryEnd, memory_clause, memory_end
from localdlc.record.view import ReplicaView
from localdlc.terminal.words import how_it_ended

MIB = 1 << 20


def used(kills: int | None, limit: int | None = 64 * MIB) -> ReplicaUsed:
    return ReplicaUsed(
        "pod", 1, 4.0, 0.5, 1.0, None, None, 50 * MIB, 61 * MIB, limit, None, 0, 0, 0, 0, kills
    )


@pytest.mark.parametrize(
    ("replica", "end"),
    [
        (ReplicaView("pod", exit_code=137, oom=True), "replica"),
        (ReplicaView("pod", exit_code=1, oom=True), "process"),
        (ReplicaView("pod", exit_code=0, oom=True), "process"),
        (ReplicaView("pod", exit_code=137), ""),
        (ReplicaView("pod", exit_code=137, used=used(0)), ""),
        (ReplicaView("pod", exit_code=137, used=used(None)), ""),
        (ReplicaView("pod", exit_code=1, used=used(2)), "process"),  # the engine had not noticed
    ],
)
def test_a_kill_for_memory_is_told_from_others(replica: ReplicaView, end: MemoryEnd) -> None:
    assert memory_end(replica) == end


def test_limit_and_peak_are_told_where_they_are_known() -> None:
    replica = ReplicaView("pod", exit_code=137, oom=True, signal="SIGKILL", used=used(1))
    assert how_it_ended(replica) == (
        "ended with exit code 137 (SIGKILL): the kernel killed it, out of memory: "
        "its limit is 64 MiB, the most that was sampled is 61 MiB"
    )
    assert memory_clause(ReplicaView("pod", exit_code=1, oom=True)) == (
        "the kernel killed a process of it, out of memory"
    )
    without = ReplicaView("pod", exit_code=137, oom=True, used=used(1, limit=None))
    assert memory_clause(without).endswith("out of memory: the most that was sampled is 61 MiB")


def test_another_kill_has_no_such_clause() -> None:
    killed = ReplicaView("pod", exit_code=137, signal="SIGKILL", used=used(0))
    assert memory_clause(killed) == ""
    assert how_it_ended(killed) == "ended with exit code 137 (SIGKILL)"
