"""Rehearsed faults on a real engine."""

from __future__ import annotations

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine
STEPS = "n=0; while [ $n -lt 600 ]; do n=$((n+1)); echo step=$n; sleep 0.1; done"


@pytest.mark.parametrize(
    ("fault", "code", "oom"),
    [("kill@step=3", 137, False), ("preempt@500ms", 143, False), ("oom@step=2", 137, True)],
)
def test_a_replica_is_struck(localdlc: CommandLine, fault: str, code: int, oom: bool) -> None:
    done = localdlc.run(job(STEPS, {"Worker": 2}), "-o", "json", "--fault", f"worker-0:{fault}")
    assert done.code == 1
    [told] = done.of("FaultInjected")
    assert told["fault"] == f"worker-0:{fault}"
    end = next(end for end in done.of("ReplicaExited") if end["pod_id"] == told["pod_id"])
    assert (end["exit_code"], end["oom"], end["stopped_by_us"]) == (code, oom, False)
    assert end["seq"] > told["seq"]


# The cut is seen by the longer name: the engine takes the other out of the hosts file, and to ask
# for it takes longer than the cut.
REACHES = """\
probe='import socket, sys; socket.create_connection((sys.argv[1], 9), 1)'
peer=$DLC_JOB_ID-worker-0
until python3 -c "$probe" $peer.t1000000000000000 2>&1 | grep -q unreachable; do sleep 0.1; done
echo cut
until python3 -c "$probe" $peer 2>&1 | grep -q refused; do sleep 0.1; done
echo back
for name in $peer $peer.t1000000000000000 $HOSTNAME; do getent hosts $name | wc -l; done"""
LOOKS = """\
a=$(date +%s%N)
for n in $(seq 20); do sleep 0.1; b=$(date +%s%N); echo $(((b-a)/1000000)); a=$b; done"""


def test_a_network_is_cut_and_comes_back(localdlc: CommandLine) -> None:
    body = job("true", {"Master": 1, "Worker": 1})
    body["JobSpecs"][0]["UserCommand"] = REACHES
    body["JobSpecs"][1]["UserCommand"] = "until false; do sleep 0.1; done"
    body["JobType"] = "TFJob"
    body["JobSpecs"][0]["Type"], body["SuccessPolicy"] = "Chief", "ChiefWorker"
    done = localdlc.run(body, "--fault", "chief-0:net-cut=3s@1s")
    assert done.code == 0, done.err
    shown = [line.partition("| ")[2] for line in done.lines if line.startswith("chief-0")]
    assert shown == ["cut", "back", "1", "1", "1"]
    assert "fault chief-0:net-cut=3s@1s: chief-0 is cut off from its network for 3 s" in done.err


def test_a_pause_stops_the_clock_of_a_replica(localdlc: CommandLine) -> None:
    done = localdlc.run(job(LOOKS), "--fault", "master-0:pause=1s@500ms")
    assert done.code == 0, done.err
    assert max(int(line.split("| ")[1]) for line in done.lines) > 900


def test_a_delay_where_the_kernel_can_or_a_plain_sentence(localdlc: CommandLine) -> None:
    done = localdlc.run(job("sleep 4"), "-o", "json", "--fault", "master-0:net-delay=100ms")
    assert done.code == 0
    notes = [event["text"] for event in done.of("Note") if "net-delay" in event["text"]]
    if not done.of("FaultInjected"):
        assert "this machine's kernel has no netem" in notes[0]
