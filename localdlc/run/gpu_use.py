"""How busy GPUs are and how much of their memory is used, as NVML tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from localdlc.record.usage import GpuUse

__all__ = ["GpuUses", "Gpus"]


class Gpus:
    """One look at several."""

    def __init__(self, uses: Mapping[str, GpuUse]) -> None:
        self._uses = uses

    def together(self, uuids: Collection[str]) -> GpuUse | None:
        """Those of one replica as one: how busy on average, and the memory of all."""
        uses = [self._uses[uuid] for uuid in uuids if uuid in self._uses]
        if not uses:
            return None
        cores = [use.core for use in uses if use.core is not None]
        core = sum(cores) / len(cores) if cores else None
        return GpuUse(core, sum(use.memory for use in uses), sum(use.total for use in uses))


class GpuUses:
    """NVML, loaded when there is a GPU to look at; without it nothing is known."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._missing = False

    def __call__(self, uuids: Collection[str]) -> Gpus:
        if uuids and self._nvml is None and not self._missing:
            self._nvml = loaded()
            self._missing = self._nvml is None
        uses = {uuid: self._use(uuid) for uuid in uuids} if self._nvml else {}
        return Gpus({uuid: use for uuid, use in uses.items() if use})

    def _use(self, uuid: str) -> GpuUse | None:
        """A MIG instance has no rate of its own, and one that is lost has nothing."""
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            return GpuUse(rate(nvml, handle), int(memory.used), int(memory.total))
        except nvml.NVMLError:
            return None

    def close(self) -> None:
        if self._nvml:
            self._nvml.nvmlShutdown()


def rate(nvml: Any, handle: Any) -> float | None:
    try:
        return float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError_NotSupported:
        return None


def loaded() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver
        return None
    return pynvml
