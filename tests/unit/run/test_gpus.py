"""GPUs as NVML lists them, as they may be restricted, and as engines are asked for them."""
# ruff: noqa: N802 - the names are NVML's

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.errors import EngineUnavailable, ResourceError, UsageError
from localdlc.plan.model import Resources
from localdlc.run.docker_bodies import container_config, sees_all
from localdlc.run.docker_gpus import Dialect, dialect, gpu_config, names, not_given
from localdlc.run.engine import ContainerSpec
from localdlc.run.gpus import inventory, listed, observed

GIB = 1 << 30


class NvmlError(Exception):
    pass


class NotThere(NvmlError):
    pass


@dataclass
class Memory:
    total: int


@dataclass
class Place:
    busId: bytes  # noqa: N815 - NVML's name


@dataclass(eq=False)
class Card:
    """What NVML knows of one GPU, or of a part of one."""

    uuid: str
    name: str = "NVIDIA A100-SXM4-80GB"
    memory: int = 80 * GIB
    place: str = "00000000:3B:00.0"
    island: int | None = None
    parts: list[Card | None] | None = None


@dataclass
class Nvml:
    """NVML with these cards; in the words of nvidia-ml-py, older ones answer in bytes."""

    cards: list[Card]
    NVMLError: type[Exception] = NvmlError
    NVMLError_NotFound: type[Exception] = NotThere
    NVML_P2P_CAPS_INDEX_NVLINK: int = 2
    NVML_P2P_STATUS_OK: int = 0

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        return self.cards[index]

    def nvmlDeviceGetUUID(self, card: Card) -> bytes:
        return card.uuid.encode()

    def nvmlDeviceGetName(self, card: Card) -> str:
        return card.name

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> Memory:
        if not card.memory:
            raise NvmlError
        return Memory(card.memory)

    def nvmlDeviceGetPciInfo(self, card: Card) -> Place:
        return Place(card.place.encode())

    def nvmlDeviceGetMigMode(self, card: Card) -> list[int]:
        if card.parts is None:
            raise NvmlError
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, card: Card) -> int:
        return len(card.parts or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: Card, number: int) -> Card:
        part = (card.parts or [])[number]
        if part is None:
            raise NotThere
        return part

    def nvmlDeviceGetP2PStatus(self, one: Card, other: Card, index: int) -> int:
        assert index == self.NVML_P2P_CAPS_INDEX_NVLINK
        return 0 if one.island is not None and one.island == other.island else 1


def test_gpus_are_listed_with_their_neighbours(tmp_path: Path) -> None:
    for bus, node in (("0000:3b:00.0", "0"), ("0000:af:00.0", "-1")):
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "numa_node").write_text(f"{node}\n")
    cards = [
        Card("GPU-a", island=1),
        Card("GPU-b", island=1, place="00000000:AF:00.0"),
        Card("GPU-c", name="Tesla T4", memory=0, place="00000000:00:05.0"),
    ]
    assert list(listed(Nvml(cards), tmp_path)) == [
        Gpu(0, "GPU-a", "NVIDIA A100-SXM4-80GB", 80 * GIB, numa=0, links=("GPU-b",)),
        Gpu(1, "GPU-b", "NVIDIA A100-SXM4-80GB", 80 * GIB, links=("GPU-a",)),
        Gpu(2, "GPU-c", "Tesla T4", 0),
    ]


def test_a_divided_gpu_is_its_instances(tmp_path: Path) -> None:
    parts = [Card("MIG-1", "A100 MIG 3g.40gb", 40 * GIB), None, Card("MIG-2", "A100 MIG", 0)]
    assert list(listed(Nvml([Card("GPU-a", parts=parts), Card("GPU-b")]), tmp_path)) == [
        Gpu(0, "MIG-1", "A100 MIG 3g.40gb", 40 * GIB, parent="GPU-a"),
        Gpu(0, "MIG-2", "A100 MIG", 0, parent="GPU-a"),
        Gpu(1, "GPU-b", "NVIDIA A100-SXM4-80GB", 80 * GIB),
    ]


def test_the_real_nvml_says_what_there_is_or_why_nothing() -> None:
    found = observed()
    assert found.why
    assert found.observed is bool(found.gpus)


# which of them


GPUS = (
    Gpu(0, "GPU-aa", "A100", 0),
    Gpu(1, "MIG-b1", "A100", 0, parent="GPU-bb"),
    Gpu(1, "MIG-b2", "A100", 0, parent="GPU-bb"),
)


@pytest.mark.parametrize(
    ("devices", "left"),
    [
        ((), ["GPU-aa", "MIG-b1", "MIG-b2"]),
        (("0",), ["GPU-aa"]),
        (("1",), ["MIG-b1", "MIG-b2"]),
        (("MIG-b2", "0"), ["GPU-aa", "MIG-b2"]),
        (("GPU-b",), ["MIG-b1", "MIG-b2"]),
    ],
)
def test_jobs_may_have_some_of_them(devices: tuple[str, ...], left: list[str]) -> None:
    config = Config(Path("/h"), gpu_inventory=GPUS, gpu_devices=devices)
    found = inventory(config)
    assert [gpu.uuid for gpu in found.gpus] == left
    assert not found.observed


def test_a_whole_uuid_is_that_one_also_where_others_begin_with_it() -> None:
    gpus = tuple(Gpu(n, f"GPU-{n}", "T4", 0) for n in range(12))
    config = Config(Path("/h"), gpu_inventory=gpus, gpu_devices=("GPU-1",))
    assert [gpu.uuid for gpu in inventory(config).gpus] == ["GPU-1"]


@pytest.mark.parametrize("device", ["GPU", "MIG-b"])
def test_the_beginning_of_several_is_an_error(device: str) -> None:
    config = Config(Path("/h"), gpu_inventory=GPUS, gpu_devices=("0", device))
    with pytest.raises(UsageError, match=rf"{device} may be several; there are: 0 A100 \(GPU-aa"):
        inventory(config)


@pytest.mark.parametrize("device", ["2", "GPU-cc"])
def test_one_that_is_not_there_is_an_error(device: str) -> None:
    origins = {"gpu_devices": "--gpu-devices"}
    config = Config(Path("/h"), gpu_inventory=GPUS, gpu_devices=(device,), origins=origins)
    with pytest.raises(UsageError) as error:
        inventory(config)
    told = f"--gpu-devices: this machine has no GPU {device}; there are: 0 A100 (GPU-aa), 1 A100"
    assert str(error.value).startswith(told)


def test_none_written_down_is_none() -> None:
    config = Config(Path("/h"), gpu_inventory=(), origins={"gpu_inventory": "LOCALDLC_X"})
    assert inventory(config).why == "LOCALDLC_X lists none"


# how engines are asked

PODMAN = {"BuildahVersion": "1.39.3", "ServerVersion": "5.4.2", "Runtimes": {"nvidia": {}}}


@pytest.mark.parametrize(
    ("info", "spoken"),
    [
        ({"Runtimes": {"runc": {}, "nvidia": {}}}, "nvidia"),
        ({"Runtimes": {"runc": {}}}, "nvidia"),
        ({"Runtimes": {"runc": {}}, "CDISpecDirs": ["/etc/cdi"]}, "cdi"),
        ({"Runtimes": {}, "CDISpecDirs": ["/etc/cdi"], "DiscoveredDevices": None}, "nvidia"),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=GPU-a"}]}, "cdi"),
        (PODMAN, "cdi"),
    ],
)
def test_an_engine_is_asked_in_its_own_words(info: dict[str, Any], spoken: str) -> None:
    assert dialect(info) == spoken


def test_a_podman_that_would_give_nothing_is_not_asked() -> None:
    with pytest.raises(ResourceError, match=r"Podman 4\.9\.3 gives no GPUs .* 5\.4 and later do"):
        dialect({**PODMAN, "ServerVersion": "4.9.3"})


def test_a_request_names_uuids_and_asks_to_compute() -> None:
    assert gpu_config(GPUS[:2], "nvidia", frozenset()) == {
        "DeviceRequests": [
            {
                "Driver": "nvidia",
                "DeviceIDs": ["GPU-aa", "MIG-b1"],
                "Capabilities": [["gpu", "compute", "utility"]],
            }
        ]
    }


@pytest.mark.parametrize(
    ("known", "ids"),
    [
        ((), ["nvidia.com/gpu=GPU-aa", "nvidia.com/gpu=MIG-b1"]),
        (("all", "GPU-aa", "0"), ["nvidia.com/gpu=GPU-aa", "nvidia.com/gpu=MIG-b1"]),
        (("all", "0", "1:0"), ["nvidia.com/gpu=0", "nvidia.com/gpu=MIG-b1"]),
    ],
)
def test_by_cdi_a_gpu_is_named_as_the_engine_knows_it(
    known: tuple[str, ...], ids: list[str]
) -> None:
    info = {"DiscoveredDevices": [{"ID": f"nvidia.com/gpu={name}"} for name in known]}
    [asked] = gpu_config(GPUS[:2], "cdi", names(info))["DeviceRequests"]
    assert asked == {"Driver": "cdi", "DeviceIDs": ids}


def test_gpus_of_others_are_device_files() -> None:
    cards = [
        Gpu(n, f"amd-{n}", "MI300X", 0, devices=("/dev/kfd", f"/dev/dri/renderD{128 + n}"))
        for n in range(2)
    ]
    config = gpu_config(cards, "nvidia", frozenset())
    assert "DeviceRequests" not in config
    files = [device["PathOnHost"] for device in config["Devices"]]
    assert files == ["/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129"]


# what a container is told


def container(
    *gpus: Gpu, env: Mapping[str, str] | None = None, one_host: bool = False
) -> ContainerSpec:
    """One with half a GiB of shared memory."""
    return ContainerSpec(
        "n", "h", "i", ("true",), env or {}, "net", "", (), (), Resources(shm=1 << 29),
        gpus=gpus, one_host=one_host,
    )  # fmt: skip


def variables(spec: ContainerSpec, spoken: Dialect = "nvidia", *, blind: bool = False) -> list[str]:
    gpus = gpu_config(spec.gpus, spoken, frozenset()) if spec.gpus else {}
    env: list[str] = container_config(spec, gpus, blind=blind)["Env"]
    return env


def test_which_gpus_it_sees_is_said_by_the_engine_or_by_us() -> None:
    asks = {"NVIDIA_VISIBLE_DEVICES": "all"}
    assert variables(container(GPUS[0], env=asks)) == []
    assert variables(container(*GPUS[:2], env=asks), "cdi") == [
        "NVIDIA_VISIBLE_DEVICES=GPU-aa,MIG-b1"
    ]
    assert variables(container(env={**asks, "A": "1"})) == ["A=1"]


@pytest.mark.parametrize(
    ("env", "seen"), [(None, False), (["PATH=/bin"], False), (["NVIDIA_VISIBLE_DEVICES=all"], True)]
)
def test_who_has_none_sees_none_whatever_its_image_asks_for(
    env: list[str] | None, seen: bool
) -> None:
    blind = sees_all({"Config": {"Env": env}})
    assert blind is seen
    assert variables(container(), blind=blind) == ["NVIDIA_VISIBLE_DEVICES=void"] * seen


def test_one_host_is_the_memory_of_the_machine() -> None:
    apart, one = (container_config(container(one_host=one))["HostConfig"] for one in (False, True))
    assert (apart["ShmSize"], apart.get("IpcMode")) == (1 << 29, None)
    assert (one.get("ShmSize"), one["IpcMode"]) == (None, "host")


# what an engine says when it gives none


@pytest.mark.parametrize(
    "said",
    [
        'could not select device driver "nvidia" with capabilities: [[gpu compute utility]]',
        "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-a",
        "error running hook #0: nvidia-container-cli: initialization error: nvml error",
    ],
)
def test_an_engine_that_gives_none_is_explained(said: str) -> None:
    error = not_given(EngineUnavailable(f"cannot start a replica: {said}."))
    assert said in str(error)
    assert "--gpus none" in str(error)


def test_other_errors_are_left_as_they_are() -> None:
    assert not_given(EngineUnavailable("cannot start a replica: no space left on device")) is None
