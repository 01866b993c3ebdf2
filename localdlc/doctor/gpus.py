"""GPUs: the driver, and the way by which the engine gives them to containers."""

from __future__ import annotations

import shutil
from pathlib import Path

from localdlc.config import Config
from localdlc.config.gpus import Gpu
from localdlc.doctor.check import Check
from localdlc.errors import LocaldlcError
from localdlc.run.docker_gpus import TOOLKIT
from localdlc.run.engine import EngineFacts
from localdlc.run.gpus import inventory

__all__ = ["TOOLKIT_MEND", "gpu_check", "runtime_check"]

DRIVER = Path("/proc/driver/nvidia/version")
TOOLKIT_MEND = f"{TOOLKIT}."
CDI_MEND = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
HOOK = "nvidia-container-runtime-hook"


def gpu_check(config: Config, driver: Path = DRIVER) -> tuple[tuple[Gpu, ...], Check]:
    """Those that jobs may have. None is no fault of the machine, unless its driver is there."""
    try:
        there = inventory(config)
    except LocaldlcError as error:
        return (), Check("gpus", "problem", str(error), "Mend gpu_devices, or leave it out.")
    if there.gpus:
        return there.gpus, Check("gpus", "ok", f"{', '.join(map(str, there.gpus))}{by(driver)}")
    if driver.exists() and not config.gpu_inventory:
        says = f"none, although there is a driver{by(driver)}: {there.why}"
        return (), Check("gpus", "problem", says, "`nvidia-smi` tells more; often a reboot helps.")
    return (), Check("gpus", "ok", f"none: {there.why}; jobs that ask for some need --gpus none")


def by(driver: Path) -> str:
    """``, driver 550.54.15``, where it says so."""
    try:
        words = driver.read_text().splitlines()[0].split()
    except (OSError, IndexError):
        return ""
    return next((f", driver {word}" for word in words if word[0].isdigit() and "." in word), "")


def runtime_check(facts: EngineFacts, path: str | None = None) -> Check:
    """What the engine would give them by; whether it does, a container tells."""
    name = "gpu runtime"
    if "nvidia" in facts.runtimes:
        return Check(name, "ok", "the engine has NVIDIA's runtime")
    if facts.cdi:
        folders = ", ".join(facts.cdi)
        if any(list(Path(folder).glob("*nvidia*")) for folder in facts.cdi):
            return Check(name, "ok", f"the engine reads CDI from {folders}")
        says = f"the engine reads CDI from {folders}, where nothing is said of NVIDIA's GPUs"
        return Check(name, "warning", says, CDI_MEND)
    if found := shutil.which(HOOK, path=path):
        return Check(name, "ok", f"the engine may use {found}")
    says = f"the engine has no runtime of NVIDIA's and no CDI, and {HOOK} is not on the PATH here"
    return Check(name, "warning", says, TOOLKIT_MEND)
