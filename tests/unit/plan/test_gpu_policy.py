"""``--gpus``: what becomes of a job that asks for more GPUs than there are, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
from given import cards, planned, request, short

from localdlc.config.gpus import Gpu
from localdlc.errors import ResourceError
from localdlc.plan.gpu_shrinking import shape, shrunk
from localdlc.plan.model import Plan
from localdlc.plan.replicas import Role
from localdlc.spec.jobspec import JobSpec


def job(count: int, gpus: int, have: int, **members: Any) -> Plan:
    """A PyTorchJob of so many replicas with so many GPUs each, on a machine that has ``have``."""
    settings = {k: members.pop(k) for k in ("nproc", "nccl", "gpu_name") if k in members}
    kind = {k: members.pop(k) for k in ("GPUType",) if k in members}
    name = settings.pop("gpu_name", "NVIDIA A100-SXM4-80GB")
    policy = members.pop("policy", "strict")
    body = request({"Worker": count}, **members)
    body["JobSpecs"][0]["ResourceConfig"] = {"GPU": str(gpus), **kind}
    return planned(body, here=cards(have, name), gpus=policy, **settings)


def facts(plan: Plan, name: str = "master-0") -> tuple[str, str, str, str]:
    env = next(r.env for r in plan.replicas if short(r.pod_id) == name)
    names = ("WORLD_SIZE", "RANK", "NPROC_PER_NODE", "KUBERNETES_CONTAINER_RESOURCE_GPU")
    return tuple(env[n] for n in names)  # type: ignore[return-value]


# enough


def test_with_enough_a_job_is_what_it_asks_for() -> None:
    plan = job(2, 4, 8)
    assert facts(plan, "worker-0") == ("2", "1", "4", "4")
    assert [r.resources.gpu_count for r in plan.replicas] == [4, 4]
    assert "asks for         4 GPUs" in str(plan)
    assert "of /dev/shm, 4 GPUs" in str(plan)
    assert plan.pool
    assert (len(plan.pool.gpus), plan.pool.shared) == (8, False)


def test_a_job_without_gpus_has_none_of_it() -> None:
    plan = job(2, 0, 8)
    assert plan.pool is None
    assert facts(plan)[2:] == ("1", "0")
    assert "NCCL" not in str(plan)


# strict


def test_too_few_are_too_few() -> None:
    with pytest.raises(ResourceError) as error:
        job(8, 8, 2)
    assert str(error.value) == (
        "this job asks for 64 GPUs (1 Master of 8, 7 Worker of 8) and this machine has 2 GPUs "
        "(NVIDIA A100-SXM4-80GB). Run it smaller: --gpus shrink makes 8×8 2×1. Or let replicas "
        "share them: --gpus share. Or do without: --gpus none."
    )


def test_of_those_that_were_left_out_nobody_says_that_they_are_not_there() -> None:
    body = request({"Worker": 2})
    body["JobSpecs"][0]["ResourceConfig"] = {"GPU": "1"}
    origins = {"gpu_devices": "--gpu-devices"}
    with pytest.raises(ResourceError, match=r"1 GPU \(.*\) that --gpu-devices names\. Run"):
        planned(body, here=cards(1), gpu_devices=("0",), origins=origins)


@pytest.mark.parametrize("policy", ["strict", "share", "shrink"])
def test_none_at_all_is_an_error_once_a_job_asks(policy: str) -> None:
    with pytest.raises(ResourceError, match="none for it here: the machine of this test has none"):
        job(1, 1, 0, policy=policy)


# shrink


@pytest.mark.parametrize(
    ("count", "gpus", "have", "becomes"),
    [
        (8, 8, 1, "1×1"),
        (8, 8, 2, "2×1"),
        (8, 8, 3, "2×1"),
        (8, 8, 4, "2×2"),
        (8, 8, 8, "4×2"),
        (8, 8, 16, "4×4"),
        (8, 8, 63, "8×4"),
        (8, 8, 64, "8×8"),
        (2, 8, 4, "2×2"),
        (2, 8, 1, "1×1"),
        (1, 8, 4, "1×4"),
        (1, 8, 3, "1×2"),
        (16, 1, 3, "2×1"),
        (3, 1, 2, "1×1"),
    ],
)
def test_it_shrinks_in_proportion(count: int, gpus: int, have: int, becomes: str) -> None:
    roles = (Role("Worker", count, JobSpec(), gpus),)
    assert shape(shrunk(roles, have)) == becomes


@pytest.mark.parametrize(
    ("roles", "have", "becomes"),
    [
        ({"Master": (1, 8), "Worker": (7, 8)}, 2, {"Master": (1, 1), "Worker": (1, 1)}),
        ({"Master": (1, 8), "Worker": (7, 8)}, 1, {"Master": (1, 1)}),
        ({"Master": (1, 0), "Worker": (8, 8)}, 4, {"Master": (1, 0), "Worker": (2, 2)}),
        ({"PS": (4, 0), "Worker": (8, 1)}, 2, {"PS": (1, 0), "Worker": (2, 1)}),
        ({"Chief": (1, 1), "Worker": (2, 1), "Evaluator": (1, 1)}, 3, None),
        ({"Head": (1, 2), "Worker": (4, 8)}, 6, {"Head": (1, 1), "Worker": (4, 1)}),
    ],
)
def test_roles_keep_their_proportion(
    roles: dict[str, tuple[int, int]], have: int, becomes: dict[str, tuple[int, int]] | None
) -> None:
    asked = tuple(Role(name, count, JobSpec(), gpus) for name, (count, gpus) in roles.items())
    small = {role.type: (role.count, role.gpus) for role in shrunk(asked, have)}
    assert small == (becomes or {"Chief": (1, 1), "Worker": (1, 1)})


def test_a_shrunken_job_has_the_ranks_of_a_small_one() -> None:
    plan = job(8, 8, 2, policy="shrink")
    assert [short(r.pod_id) for r in plan.replicas] == ["master-0", "worker-0"]
    assert facts(plan, "worker-0") == ("2", "1", "1", "1")
    told = "GPUs: 8×8 became 2×1, WORLD_SIZE 2: --gpus shrink, as this machine has too few."
    assert told in plan.notes


def test_what_fits_does_not_shrink() -> None:
    assert not [note for note in job(2, 1, 2, policy="shrink").notes if "became" in note]


def test_the_requests_own_processes_shrink_along() -> None:
    command = "torchrun --nproc_per_node=8 train.py"
    plan = job(8, 8, 2, policy="shrink", Envs={"NPROC_PER_NODE": "8"}, UserCommand=command)
    assert facts(plan)[2] == "1"
    assert "NPROC_PER_NODE: 1 in each Master, where the request has 8." in plan.notes
    told = [
        note for note in plan.notes if note.startswith("UserCommand starts 8 processes in each")
    ]
    assert len(told) == 2


# share


def test_replicas_share_and_are_told_how_much_memory_is_theirs() -> None:
    plan = job(4, 1, 2, policy="share")
    assert plan.pool
    assert plan.pool.shared
    told = (
        "GPUs: up to 2 replicas share one: about 40 GiB of memory each; nothing holds them to it."
    )
    assert told in plan.notes
    assert facts(plan)[0] == "4"


def test_a_replica_sees_as_many_as_there_are() -> None:
    plan = job(2, 8, 2, policy="share")
    assert facts(plan)[2:] == ("2", "2")
    assert "GPUs: each Worker asks for 8 and sees 2." in plan.notes


# none


def test_without_gpus_a_job_runs_on_cpus() -> None:
    plan = job(2, 8, 0, policy="none")
    assert plan.pool is None
    assert facts(plan)[2:] == ("1", "0")
    env = plan.replicas[0].env
    assert (env["GLOO_SOCKET_IFNAME"], env["CUDA_VISIBLE_DEVICES"]) == ("eth0", "")
    assert plan.notes[0].startswith("GPUs: 16 GPUs (1 Master of 8, 1 Worker of 8) would be wanted;")
    assert "LOCALDLC_GPUS" not in "".join(plan.replicas[0].command)


def test_nproc_is_how_many_processes_there_are() -> None:
    assert facts(job(2, 8, 0, policy="none", nproc=3))[2] == "3"
    asked = {"NPROC_PER_NODE": "8"}
    assert facts(job(2, 8, 0, policy="none", nproc=3, Envs=asked))[2] == "3"
    assert facts(job(2, 8, 16, Envs={"NPROC_PER_NODE": "4"}))[2] == "4"


# parts of one


def test_a_part_of_a_gpu_is_one_that_others_have_a_part_of() -> None:
    body = request({"Worker": 2})
    body["JobSpecs"][0]["EcsSpec"] = "ecs.vgn5i-m4.2xlarge"
    plan = planned(body, here=cards(1, "Tesla P4"))
    assert facts(plan, "worker-0")[2:] == ("1", "1")
    assert plan.replicas[0].to_json()["resources"]["gpu_count"] == 0.5
    told = "GPUs: each Master asks for 1/2 of one and sees a whole one, which it shares with other"
    assert [note for note in plan.notes if note.startswith(told)]


# other kinds


@pytest.mark.parametrize(
    ("asked", "here", "noted"),
    [
        ("NVIDIA-L20Y", "NVIDIA H100 80GB HBM3", True),
        ("Tesla-V100-16G", "Tesla V100-SXM2-16GB", False),
        ("A100-80G", "NVIDIA A100-SXM4-80GB", False),
        ("A10", "NVIDIA A100-SXM4-80GB", True),
        ("GeForce-RTX-4090", "NVIDIA GeForce RTX 4090", False),
    ],
)
def test_another_kind_of_gpu_is_noted(asked: str, here: str, noted: bool) -> None:
    notes = job(1, 1, 1, gpu_name=here, GPUType=asked).notes
    told = f"GPUType: each Master asks for {asked} and is given {here}."
    assert (told in notes) is noted


def test_less_memory_is_noted() -> None:
    body = request({"Worker": 1})
    body["JobSpecs"][0]["EcsSpec"] = "ecs.gn7e-c16g1.4xlarge"
    small = [Gpu(0, "GPU-0", "NVIDIA A100-PCIE-40GB", 40 << 30)]
    told = "GPU memory: each Master expects 80 GiB a GPU, here it has 40 GiB."
    assert told in planned(body, here=small).notes


# NCCL


@pytest.mark.parametrize(
    ("count", "gpus", "nccl", "says"),
    [
        (2, 1, "isolated", "TCP over eth0 between replicas, as between nodes"),
        (2, 2, "isolated", "; NVLink or PCIe inside one."),
        (2, 1, "same-host", "shared memory between replicas, in this machine's /dev/shm"),
        (1, 2, "isolated", "NCCL: NVLink or PCIe inside the replica."),
    ],
)
def test_it_is_told_what_nccl_will_use(count: int, gpus: int, nccl: str, says: str) -> None:
    [told] = [note for note in job(count, gpus, 8, nccl=nccl).notes if note.startswith("NCCL: ")]
    assert says in told


def test_replicas_are_hosts_to_nccl_unless_they_are_one() -> None:
    apart, one = job(2, 1, 2), job(2, 1, 2, nccl="same-host")
    assert [r.env["NCCL_HOSTID"] for r in apart.replicas] == [r.pod_id for r in apart.replicas]
    assert {r.env["NCCL_HOSTID"] for r in one.replicas} == {one.job_id}


def test_replicas_of_one_host_have_its_shared_memory() -> None:
    body = request({"Worker": 2})
    body["JobSpecs"][0]["ResourceConfig"] = {"GPU": "1", "Memory": "1Gi", "SharedMemory": "2Gi"}
    plan = planned(body, here=cards(2), nccl="same-host")
    assert [replica.resources.shm for replica in plan.replicas] == [None, None]
    assert "1 GiB of memory, this machine's /dev/shm, 1 GPU" in str(plan)
    assert "SharedMemory: each Worker has this machine's /dev/shm, all of it." in plan.notes
    apart = planned(body, here=cards(2))
    assert [replica.resources.shm for replica in apart.replicas] == [1 << 30, 1 << 30]


def test_sharing_and_one_host_do_not_go_together() -> None:
    told = "NCCL refuses two processes of one host on one GPU: share them with --nccl isolated."
    assert told in job(2, 1, 1, policy="share", nccl="same-host").notes
    assert told not in job(2, 1, 1, policy="share").notes


def test_the_request_may_say_otherwise() -> None:
    plan = job(2, 1, 2, Envs={"NCCL_SOCKET_IFNAME": "lo", "NVIDIA_VISIBLE_DEVICES": "all"})
    assert plan.replicas[0].env["NCCL_SOCKET_IFNAME"] == "lo"
    assert "NVIDIA_VISIBLE_DEVICES" not in plan.replicas[0].env
    assert any(note.startswith("NVIDIA_VISIBLE_DEVICES: DLC sets") for note in plan.notes)
