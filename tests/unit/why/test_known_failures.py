"""Every known failure is recognised by what the real thing says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from failures.cases import FAILURES, Failure

from localdlc.record.events import FaultInjected
from localdlc.record.view import JobView, ReplicaView
from localdlc.run.follower import signal_name
from localdlc.why import Case, Finding, Tail
from localdlc.why.finding import find
from localdlc.why.patterns import PATTERNS, UNCAUGHT

POD = "dlc1-worker-0"
INPUTS = [
    {"kind": "data", "uri": "oss://bucket/", "target": "/mnt/data", "read_only": False},
    {"kind": "code", "uri": "git@host:x.git", "target": "/root/code", "read_only": False},
]
PLANNED = {
    "pod_id": POD,
    "image": "image:1",
    "mounts": [],
    "resources": {"memory": 4 << 30, "shm": 64 << 20},
}

# No GPU was at hand. These are the format strings of PyTorch 2.13 (c10/cuda/CUDAFunctions.cpp,
# CUDACachingAllocator.cpp, ProcessGroupNCCL.cpp, NCCLUtils.hpp) and the CUDA runtime, filled in.
OF_GPUS = {
    "cuda-out-of-memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. "
    "GPU 0 has a total capacity of 23.68 GiB of which 212.81 MiB is free.",
    "cuda-without-driver": "RuntimeError: Found no NVIDIA driver on your system. Please check that "
    "you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
    "cuda-driver-too-old": "RuntimeError: The NVIDIA driver on your system is too old (found "
    "version 11040). Please update your GPU driver by downloading and installing a new version",
    "cuda-device-ordinal": "torch.AcceleratorError: CUDA error: invalid device ordinal",
    "cuda-no-kernel": "RuntimeError: CUDA error: no kernel image is available for execution on the "
    "device",
    "nccl-timeout": "[rank1]:[E1218 20:27:21.433063423 ProcessGroupNCCL.cpp:629] [Rank 1] Watchdog "
    "caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=BROADCAST, NumelIn=131072000, "
    "NumelOut=131072000, Timeout(ms)=600000) ran for 600088 milliseconds before timing out.",
    "nccl": "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/"
    "ProcessGroupNCCL.cpp:3690, unhandled system error (run with NCCL_DEBUG=INFO for details), "
    "NCCL version 2.29.2\nncclSystemError: System call (e.g. socket, malloc) or external library "
    "call failed or device error.",
    "nccl-peer-gone": "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/"
    "distributed/c10d/NCCLUtils.cpp:77, remote process exited or there was a network error, NCCL "
    "version 2.29.2\nncclRemoteError: A call failed possibly due to a network error or a remote "
    "process exiting prematurely.",
}
# What Python and the C++ library say of themselves, which no sample image brings about.
OF_LIBRARIES = {
    "illegal-instruction": "The TensorFlow library was compiled to use AVX instructions, but these "
    "aren't available on your machine.",
    "aborted": "terminate called after throwing an instance of 'std::runtime_error'",
}
BY_END = {
    "out-of-memory": {"exit_code": 137, "signal": "SIGKILL", "oom": True},
    "process-out-of-memory": {"exit_code": 1, "oom": True},
    "bus-error": {"exit_code": 135, "signal": "SIGBUS"},
    "segmentation-fault": {"exit_code": 139, "signal": "SIGSEGV"},
    "aborted": {"exit_code": 134, "signal": "SIGABRT"},
    "illegal-instruction": {"exit_code": 132, "signal": "SIGILL"},
    "killed": {"exit_code": 137, "signal": "SIGKILL"},
    "command-absent": {"exit_code": 127},
    "command-not-runnable": {"exit_code": 126},
}


def found(text: str = "", planned: dict[str, Any] = PLANNED, **end: Any) -> Finding | None:
    replica = ReplicaView(POD, status="Failed", **{"exit_code": 1, **end})
    view = JobView(job_id="dlc1", status="Failed", replicas={POD: replica})
    plan = {"inputs": INPUTS, "replicas": [planned]}
    return find(Case(view, plan, {POD: Tail(tuple(text.splitlines()))}), replica)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_what_the_real_thing_said_is_recognised(failure: Failure) -> None:
    text, code = failure.recorded()
    finding = found(text, exit_code=code, signal=signal_name(code))
    assert finding
    assert finding.name == failure.pattern
    assert finding.line.removesuffix("…") in text
    assert not {"{", "}"} & {*finding.says, *finding.do}


@pytest.mark.parametrize(("name", "text"), [*OF_GPUS.items(), *OF_LIBRARIES.items()])
def test_what_the_sources_say_is_recognised(name: str, text: str) -> None:
    finding = found(text)
    assert finding
    assert finding.name == name


@pytest.mark.parametrize(("name", "end"), BY_END.items())
def test_an_end_without_a_word_is_recognised(name: str, end: dict[str, Any]) -> None:
    finding = found(**end)
    assert finding
    assert (finding.name, finding.line) == (name, "")


def test_every_row_has_a_message_or_an_end_that_was_tried() -> None:
    tried = {failure.pattern for failure in FAILURES} | {*OF_GPUS, *OF_LIBRARIES, *BY_END}
    tried |= {"rehearsed"}
    assert {row.name for row in (*PATTERNS, UNCAUGHT)} == tried
    assert len({row.name for row in PATTERNS}) == len(PATTERNS) >= 20


def test_a_file_below_a_mount_path_names_the_data_source() -> None:
    finding = found("FileNotFoundError: [Errno 2] No such file or directory: '/mnt/data/a.csv'")
    assert finding
    assert "/mnt/data/a.csv is below /mnt/data, where the data source oss://bucket/ is mounted" in (
        finding.says
    )


def test_facts_of_the_replica_are_in_the_sentence() -> None:
    assert "64 MiB" in found("DataLoader worker (pid 8) is killed by signal: Bus error.").says  # type: ignore[union-attr]
    assert "4 GiB" in found(exit_code=137, oom=True).says  # type: ignore[union-attr]
    assert "(image:1)" in found("ModuleNotFoundError: No module named 'x'").says  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fault", "attempt", "name"),
    [("kill@30s", 1, "rehearsed"), ("pause=1s", 1, "killed"), ("kill@30s", 2, "killed")],
)
def test_a_rehearsed_fault_is_the_reason(fault: str, attempt: int, name: str) -> None:
    replica = ReplicaView(POD, status="Failed", exit_code=137, signal="SIGKILL")
    befell = FaultInjected(POD, attempt, f"worker-0:{fault}", "")
    view = JobView(job_id="dlc1", replicas={POD: replica}, faults=((datetime.now(UTC), befell),))
    finding = find(Case(view, {}, {}), replica)
    assert finding
    assert finding.name == name
    assert (f"--fault worker-0:{fault}." in finding.says) == (name == "rehearsed")


def test_a_share_is_told_as_one() -> None:
    limits = {"memory": 11 << 20, "shm": None, "asked": {"memory": 256 << 20, "shm": None}}
    finding = found(planned={**PLANNED, "resources": limits}, exit_code=137, oom=True)
    assert finding
    assert "its limit is 11 MiB (it asks for 256 MiB and shares this machine)." in finding.says


def test_what_was_survived_is_not_the_reason() -> None:
    text = (
        "warning: /etc/cache: Permission denied\n"
        'Traceback (most recent call last):\n  File "t.py", line 1\nValueError: NaN'
    )
    finding = found(text)
    assert finding
    assert (finding.name, finding.line) == ("exception", "ValueError: NaN")


def test_what_an_exception_came_from_is_the_reason() -> None:
    text = (
        'Traceback (most recent call last):\n  File "t.py", line 1\n'
        "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/data/x'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "t.py", line 3\nRuntimeError: no data'
    )
    finding = found(text)
    assert finding
    assert finding.name == "file-not-found"


def test_an_own_failure_goes_before_a_lost_peer() -> None:
    text = (
        "Connection reset by peer\nCUDA out of memory. Tried to allocate 2.00 GiB.\nSocket closed"
    )
    finding = found(text)
    assert finding
    assert (finding.name, finding.echo) == ("cuda-out-of-memory", False)


def test_colours_and_ranks_are_no_part_of_what_was_said() -> None:
    finding = found("[rank3]: \x1b[31mMemoryError\x1b[0m")
    assert finding
    assert (finding.name, finding.line) == ("allocation", "MemoryError")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["lib", "multi_worker_util.py\n", ": /a", "Error.Error."])
def test_an_endless_output_takes_no_endless_time(piece: str) -> None:
    found(piece * 80_000)


def test_silence_is_not_explained() -> None:
    assert found(exit_code=3) is None


def test_the_manual_names_every_row() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "failures.md").read_text()
    assert [row.name for row in (*PATTERNS, UNCAUGHT) if f"`{row.name}`" not in manual] == []
