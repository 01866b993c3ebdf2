"""GPUs for containers of Docker's API: which words an engine understands, and how it says no.

Docker with NVIDIA's runtime or its hook takes UUIDs. By CDI, which is all that Podman does, devices
have names such as ``nvidia.com/gpu=<UUID>``. Other vendors' are device files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from localdlc.errors import LocaldlcError, ResourceError

if TYPE_CHECKING:
    from localdlc.config.gpus import Gpu

__all__ = ["TOOLKIT", "Dialect", "dialect", "gpu_config", "names", "not_given"]

Dialect = Literal["nvidia", "cdi"]

CLASS = "nvidia.com/gpu="
# Before it, Podman takes what Docker's API says of GPUs and does nothing (containers/podman#25171).
PODMAN_SINCE = (5, 4)
# What engines say at the start of a container when they cannot give it its GPUs.
REFUSED = re.compile(
    r"could not select device driver|unresolvable CDI devices|nvidia-container-(cli|runtime)"
)
TOOLKIT = (
    "Install nvidia-container-toolkit, say `nvidia-ctk runtime configure --runtime=docker` and "
    "restart the engine"
)


def dialect(info: Mapping[str, Any]) -> Dialect:
    """How the engine wants to be asked, by ``GET /info``.

    Raises `ResourceError` for one that would say yes and give nothing.
    """
    if "BuildahVersion" in info:  # no other engine has it
        podman = info["ServerVersion"]
        if numbers(podman) < PODMAN_SINCE:
            raise ResourceError(
                f"Podman {podman} gives no GPUs to those who speak Docker's API; 5.4 and later do."
                " Or run the job without: --gpus none."
            )
        return "cdi"
    if "nvidia" in (info.get("Runtimes") or ()):
        return "nvidia"
    if "DiscoveredDevices" in info:  # of API 1.50
        return "cdi" if names(info) else "nvidia"
    return "cdi" if info.get("CDISpecDirs") else "nvidia"


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def names(info: Mapping[str, Any]) -> frozenset[str]:
    """The names of CDI that the engine knows, as far as it says."""
    found = (str(one.get("ID", "")) for one in info.get("DiscoveredDevices") or ())
    return frozenset(name for name in found if name.startswith(CLASS))


def gpu_config(gpus: Sequence[Gpu], spoken: Dialect, known: frozenset[str]) -> dict[str, Any]:
    """The part of HostConfig that asks for these GPUs, and for no other."""
    files = list(dict.fromkeys(file for gpu in gpus for file in gpu.devices))
    devices = [
        {"PathOnHost": file, "PathInContainer": file, "CgroupPermissions": "rwm"} for file in files
    ]
    named = [gpu for gpu in gpus if not gpu.devices]
    asked = by_uuid(named) if spoken == "nvidia" else by_name(named, known)
    requests = {"DeviceRequests": [asked]} if named else {}
    return {**requests, **({"Devices": devices} if devices else {})}


def by_uuid(gpus: Sequence[Gpu]) -> dict[str, Any]:
    capabilities = [["gpu", "compute", "utility"]]
    uuids = [gpu.uuid for gpu in gpus]
    return {"Driver": "nvidia", "DeviceIDs": uuids, "Capabilities": capabilities}


def by_name(gpus: Sequence[Gpu], known: frozenset[str]) -> dict[str, Any]:
    """By UUID, unless the engine knows them by their index only: so older toolkits name them."""

    def name(gpu: Gpu) -> str:
        uuid, index = f"{CLASS}{gpu.uuid}", f"{CLASS}{gpu.index}"
        return index if uuid not in known and index in known else uuid

    return {"Driver": "cdi", "DeviceIDs": [name(gpu) for gpu in gpus]}


def not_given(error: LocaldlcError) -> ResourceError | None:
    """What it means when the engine starts no container with GPUs; None for any other error."""
    if not REFUSED.search(str(error)):
        return None
    return ResourceError(
        f"the engine gives containers no GPUs: {error} {TOOLKIT}; see `localdlc doctor`. Or run "
        "the job without: --gpus none."
    )
