"""Replicas with GPUs of their own, on a real engine with a stub in the place of NVIDIA's hook."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import job_with
from gpu_engines import GpuLine

from localdlc.run.engine_address import find_engine

pytestmark = [pytest.mark.engine, pytest.mark.gpu]

SEEN = "echo sees $NVIDIA_VISIBLE_DEVICES of $NPROC_PER_NODE, rank $RANK of $WORLD_SIZE"


def gpu_job(count: int, gpus: int, command: str = SEEN, **members: Any) -> dict[str, Any]:
    body = job_with({"CPU": "1", "Memory": "256Mi", "GPU": str(gpus)}, command, **members)
    body["JobSpecs"][0] |= {"Type": "Worker", "PodCount": count}
    return body


def planned(line: GpuLine, job_id: str) -> dict[str, list[str]]:
    """PodIds without the JobId, and the GPUs that the stored plan has for each."""
    plan = json.loads((line.home / "jobs" / job_id / "plan.json").read_text())
    return {
        replica["pod_id"].removeprefix(f"{job_id}-"): replica["resources"]["gpus"]
        for replica in plan["replicas"]
    }


def test_each_replica_sees_its_own(gpu_line: GpuLine) -> None:
    done = gpu_line.run(gpu_job(2, 2), "--job-id", "dlc1gpus00000001")
    assert done.code == 0, done.err
    assert sorted(done.lines) == [
        "master-0 | sees GPU-0,GPU-1 of 2, rank 0 of 2",
        "worker-0 | sees GPU-2,GPU-3 of 2, rank 1 of 2",
    ]
    assert planned(gpu_line, "dlc1gpus00000001") == {
        "master-0": ["GPU-0", "GPU-1"],
        "worker-0": ["GPU-2", "GPU-3"],
    }
    assert "note: GPUs: master-0 has 0, 1; worker-0 has 2, 3." in done.err


def test_the_engine_is_asked_for_uuids_and_the_label_has_them(
    gpu_line: GpuLine, gpu_engine: str
) -> None:
    going = gpu_line.start_job(gpu_job(1, 1, "echo here; sleep 60"), "--gpu-devices", "2")
    going.wait_for("master-0 | here")
    client = docker.APIClient(base_url=gpu_engine, version="auto")
    [one] = client.containers()
    facts = client.inspect_container(one["Id"])
    client.close()
    [asked] = facts["HostConfig"]["DeviceRequests"]
    assert (asked["Driver"], asked["DeviceIDs"]) == ("nvidia", ["GPU-2"])
    assert asked["Capabilities"] == [["gpu", "compute", "utility"]]
    assert facts["Config"]["Labels"]["localdlc.gpus"] == "GPU-2"
    assert going.interrupt_group().finish().code == 130


def test_a_role_without_gpus_sees_none(gpu_line: GpuLine) -> None:
    body = gpu_job(1, 1, SEEN, JobType="TFJob", Envs={"NVIDIA_VISIBLE_DEVICES": "all"})
    body["JobSpecs"].append({**body["JobSpecs"][0], "Type": "PS", "ResourceConfig": {"CPU": "1"}})
    done = gpu_line.run(body)
    assert done.code == 0, done.err
    seen = {" ".join(line.partition(" of ")[0].split()) for line in done.lines}
    assert seen == {"ps-0 | sees", "worker-0 | sees GPU-0"}


@pytest.mark.parametrize(
    ("count", "gpus", "flags", "lines"),
    [
        (8, 8, ("--gpus", "shrink"), ["sees GPU-0,GPU-1 of 2, rank 0 of 2"]),
        (
            5,
            1,
            ("--gpus", "share"),
            ["sees GPU-0 of 1, rank 0 of 5", "sees GPU-0 of 1, rank 4 of 5"],
        ),
        (2, 8, ("--gpus", "none", "--nproc", "3"), ["sees of 3, rank 0 of 2"]),
    ],
)
def test_too_few_are_shared_shrunk_or_done_without(
    gpu_line: GpuLine, count: int, gpus: int, flags: tuple[str, ...], lines: list[str]
) -> None:
    done = gpu_line.run(gpu_job(count, gpus), *flags)
    assert done.code == 0, done.err
    assert {line.partition(" | ")[2] for line in done.lines} >= set(lines)


def test_too_few_are_no_job(gpu_line: GpuLine) -> None:
    done = gpu_line.run(gpu_job(8, 8))
    assert done.code == 3
    assert "Run it smaller: --gpus shrink makes 8×8 2×2." in done.err


def test_a_replica_that_finds_others_fails_with_a_sentence(
    gpu_line: GpuLine, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: Tesla T4 (UUID: GPU-9)'\n")
    smi.chmod(0o755)
    mounted = [{"Uri": f"file://{tmp_path}/bin/", "MountPath": "/mnt/bin"}]
    path = {"PATH": "/mnt/bin:/usr/local/bin:/usr/bin:/bin"}
    done = gpu_line.run(gpu_job(1, 1, "echo never", DataSources=mounted, Envs=path))
    assert done.code == 1
    found = "nvidia-smi lists GPU 0: Tesla T4 (UUID: GPU-9)"
    assert done.lines == [f"master-0 | localdlc: this replica is to have GPU-0, but {found}"]


def test_a_restarted_replica_has_the_same_ones(gpu_line: GpuLine) -> None:
    body = gpu_job(1, 2, f"{SEEN}; [ -s /mnt/d/n ] || {{ echo 1 >/mnt/d/n; exit 137; }}")
    body["JobSpecs"][0] |= {"RestartPolicy": "OnFailure"}
    (gpu_line.folder / "d").mkdir()
    (gpu_line.folder / "d" / "n").touch()
    body["DataSources"] = [{"Uri": f"file://{gpu_line.folder}/d/", "MountPath": "/mnt/d"}]
    done = gpu_line.run(body)
    assert done.code == 0, done.err
    assert [line for line in done.lines if "sees" in line] == [
        "master-0 | sees GPU-0,GPU-1 of 2, rank 0 of 1"
    ] * 2


def test_the_sanity_check_looks_at_gpus_too(gpu_line: GpuLine) -> None:
    done = gpu_line.run(gpu_job(2, 1, Settings={"EnableSanityCheck": True}))
    assert done.code == 0, done.err
    assert "the places of 2 replicas reach each other by name." in done.err


def test_same_host_shares_memory(gpu_line: GpuLine) -> None:
    mark = "/dev/shm/localdlc-test-$DLC_JOB_ID"
    command = (
        f'[ "$RANK" = 1 ] && until [ -e {mark} ]; do sleep 0.1; done; : >{mark}; echo $NCCL_HOSTID'
    )
    tidy = f'{command}; [ "$RANK" = 0 ] || rm {mark}'
    done = gpu_line.run(gpu_job(2, 1, tidy), "--nccl", "same-host", "--job-id", "dlc1gpus00000002")
    assert done.code == 0, done.err
    assert sorted(done.lines) == ["master-0 | dlc1gpus00000002", "worker-0 | dlc1gpus00000002"]
    assert "NCCL: shared memory between replicas" in done.err


def test_an_engine_without_nvidias_toolkit_is_told(
    gpu_line: GpuLine, docker_client: docker.APIClient
) -> None:
    if "nvidia" in docker_client.info()["Runtimes"]:
        pytest.skip("this engine has NVIDIA's runtime")
    done = gpu_line.run(gpu_job(1, 1), DOCKER_HOST=find_engine(os.environ).url)
    assert done.code == 3
    assert "the engine gives containers no GPUs: cannot start a replica: could not" in done.err
    assert "Or run the job without: --gpus none." in done.err


# by CDI

FILES = "echo $(cd /dev && echo nvidia*), $NVIDIA_VISIBLE_DEVICES"


def test_by_cdi_each_replica_has_its_own_devices(cdi_line: GpuLine) -> None:
    body = gpu_job(2, 1, FILES)
    done = cdi_line.run(body, "--job-id", "dlc1gpus00000003")
    assert done.code == 0, done.err
    assert sorted(done.lines) == [
        "master-0 | nvidia0 nvidiactl, void",
        "worker-0 | nvidia1 nvidiactl, void",
    ]
    pods = planned(cdi_line, "dlc1gpus00000003")
    assert pods == {"master-0": ["GPU-0"], "worker-0": ["GPU-1"]}


def test_by_cdi_a_device_too_many_is_noticed(cdi_line: GpuLine) -> None:
    done = cdi_line.run(gpu_job(1, 1, FILES), "--gpu-devices", "3")
    assert done.code == 1
    told = "this replica is to have GPU-3, but its /dev has 2 of this machine's"
    assert done.lines == [f"master-0 | localdlc: {told}"]


def test_a_device_that_cdi_does_not_know_is_told(cdi_line: GpuLine) -> None:
    inventory = '[{"index": 0, "uuid": "GPU-9", "name": "T4", "memory": 0}]'
    done = cdi_line.run(gpu_job(1, 1), LOCALDLC_GPU_INVENTORY=inventory)
    assert done.code == 3
    assert "unresolvable CDI devices nvidia.com/gpu=GPU-9" in done.err
