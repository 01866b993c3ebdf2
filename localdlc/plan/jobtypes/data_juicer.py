"""DataJuicerJob: Data-Juicer by command or by configuration, alone or on Ray.

Facts: Settings.DataJuicerConfig in DLC's SDK text; roles and wiring are inferred from Data-Juicer
itself, which spreads its work by Ray.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from localdlc.plan.command import Script
from localdlc.plan.files import File
from localdlc.plan.jobtypes import ray
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology, promote_first

if TYPE_CHECKING:
    from localdlc.spec.settings import DataJuicer, JobSettings

CONFIG = "/etc/data-juicer.yaml"


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """Alone as asked; on Ray a Head leads, and without one it is the Master or first Worker."""
    if not distributed(settings):
        return asked
    names = [role.type for role in asked]
    leader = next((name for name in ("Master", "Worker") if name in names), names[0])
    return ray.roles(promote_first(asked, leader, "Head"), settings)


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """Ray's variables, when on Ray."""
    return ray.environment(member, topology) if distributed(topology.settings) else {}


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """UserCommand is shell text, or with CommandType config what `dj-process` works by."""
    on_ray = distributed(topology.settings)
    configured = config(topology.settings).CommandType == "config"
    alone = process(user_command, on_ray) if configured else Script(user_command)
    if not on_ray:
        return alone
    return replace(ray.script(member, topology, alone.text), files=alone.files)


def process(configuration: str, on_ray: bool) -> Script:
    """Data-Juicer reads its YAML from a file; on Ray also when that does not ask for it."""
    asks = re.search(r"^executor_type\s*:", configuration, re.MULTILINE)
    executor = " --executor_type ray" if on_ray and not asks else ""
    return Script(
        f"dj-process --config {CONFIG}{executor}", files=(File(CONFIG, f"{configuration}\n"),)
    )


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    return ray.start_after(role, topology) if distributed(topology.settings) else ()


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """On Ray the Head, else everybody."""
    if distributed(topology.settings):
        return ray.decides(member, topology, success_policy)
    return True


def port(role: Role, settings: JobSettings | None) -> int | None:
    """Ray's on the Head; alone nothing answers."""
    return ray.port(role, settings) if distributed(settings) else None


def completed(job_id: str) -> str:
    return f"DataJuicerJob {job_id} is successfully completed."


def distributed(settings: JobSettings | None) -> bool:
    return config(settings).ExecutionMode == "distributed"


def config(settings: JobSettings | None) -> DataJuicer:
    from localdlc.spec.settings import DataJuicer

    return (settings.DataJuicerConfig if settings else None) or DataJuicer()
