"""The GPUs of this machine: as NVML tells, or as somebody wrote them down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.config.gpus import Gpu
from localdlc.errors import UsageError
from localdlc.plan.gpus import Inventory

if TYPE_CHECKING:
    from localdlc.config import Config

__all__ = ["inventory", "listed"]

PCI = Path("/sys/bus/pci/devices")


def inventory(config: Config) -> Inventory:
    """Those that jobs may have. Raises `UsageError` when ``gpu_devices`` names one that is not."""
    written = config.gpu_inventory
    if written is not None:
        found = Inventory(written, f"{config.named('gpu_inventory')} lists none")
    else:
        found = observed()
    if not (config.gpu_devices and found.gpus):
        return found
    return replace(found, gpus=tuple(allowed(found.gpus, config)))


def allowed(gpus: tuple[Gpu, ...], config: Config) -> Iterable[Gpu]:
    """By index, by UUID or the beginning of one; a GPU is all of its MIG instances."""
    chosen: dict[str, Gpu] = {}
    for device in config.gpu_devices:
        meant = called(device, gpus)
        if len(meant) != 1:
            no = f"{device} may be several" if meant else f"this machine has no GPU {device}"
            there = ", ".join(map(str, gpus))
            raise UsageError(f"{config.named('gpu_devices')}: {no}; there are: {there}.")
        chosen |= {gpu.uuid: gpu for gpu in gpus if meant & {gpu.uuid, gpu.parent}}
    return [gpu for gpu in gpus if gpu.uuid in chosen]


def called(device: str, gpus: Iterable[Gpu]) -> set[str]:
    """The UUIDs of all that it may be. A whole UUID is that, also where another begins with it."""
    if device.isdecimal():
        return {gpu.parent or gpu.uuid for gpu in gpus if gpu.index == int(device)}
    uuids = {uuid for gpu in gpus for uuid in (gpu.uuid, gpu.parent)}
    return uuids & {device} or {uuid for uuid in uuids if uuid.startswith(device)}


def observed() -> Inventory:
    try:
        import pynvml
    except ImportError:
        return Inventory(why="the Python package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Inventory(why=f"NVIDIA's driver does not answer ({error})")
    try:
        gpus = tuple(listed(pynvml))
    except pynvml.NVMLError as error:
        return Inventory(why=f"NVIDIA's driver does not list its GPUs ({error})")
    finally:
        pynvml.nvmlShutdown()
    return Inventory(gpus, "NVIDIA's driver lists none", observed=True)


def listed(nvml: Any, pci: Path = PCI) -> Iterator[Gpu]:
    """Every GPU in the order of NVML, or in its place its MIG instances, if it is so divided."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    for index, handle in enumerate(handles):
        numa = numa_of(nvml, handle, pci)
        if divided(nvml, handle):
            parent = text(nvml.nvmlDeviceGetUUID(handle))
            for part in parts(nvml, handle):
                yield replace(gpu(nvml, index, part), parent=parent, numa=numa)
            continue
        others = (other for other in handles if other is not handle and linked(nvml, handle, other))
        links = tuple(text(nvml.nvmlDeviceGetUUID(other)) for other in others)
        yield replace(gpu(nvml, index, handle), numa=numa, links=links)


def gpu(nvml: Any, index: int, handle: Any) -> Gpu:
    memory = 0
    with suppress(nvml.NVMLError):  # of a GPU whose memory is the machine's
        memory = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    name = text(nvml.nvmlDeviceGetName(handle))
    return Gpu(index, text(nvml.nvmlDeviceGetUUID(handle)), name, memory)


def text(said: str | bytes) -> str:
    """Older versions of the package answer in bytes."""
    return said.decode() if isinstance(said, bytes) else said


def divided(nvml: Any, handle: Any) -> bool:
    with suppress(nvml.NVMLError):
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    return False


def parts(nvml: Any, handle: Any) -> Iterator[Any]:
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        with suppress(nvml.NVMLError_NotFound):  # instances are made as they are wanted
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)


def linked(nvml: Any, one: Any, other: Any) -> bool:
    """Whether NVLink leads from one to the other, also through a switch."""
    with suppress(nvml.NVMLError):
        status = nvml.nvmlDeviceGetP2PStatus(one, other, nvml.NVML_P2P_CAPS_INDEX_NVLINK)
        return bool(status == nvml.NVML_P2P_STATUS_OK)
    return False


def numa_of(nvml: Any, handle: Any, pci: Path) -> int | None:
    """The kernel's word for it: NVML's own is for GPUs whose memory is a node."""
    with suppress(nvml.NVMLError, OSError, ValueError):
        place = text(nvml.nvmlDeviceGetPciInfo(handle).busId).lower()
        node = int((pci / place[-12:] / "numa_node").read_text())
        return node if node >= 0 else None
    return None
