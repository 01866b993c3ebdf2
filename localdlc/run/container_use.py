"""What a container of the engine uses: from the kernel, or in the engine's own words."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from localdlc.errors import EngineUnavailable
from localdlc.record.usage import Usage
from localdlc.run.cgroup import Cgroup, find_cgroup

__all__ = ["Groups", "reported", "usage_of"]

Groups = MutableMapping[str, Cgroup | None]


def usage_of(client: Any, container_id: str, groups: Groups) -> Usage:
    """``client`` is docker-py's low-level one.

    ``groups`` keeps where each container's counters are, None where they are out of sight.
    """
    if container_id not in groups:
        state = client.inspect_container(container_id)["State"]
        if not state["Running"]:
            raise EngineUnavailable(f"the container {container_id} is not running")
        groups[container_id] = find_cgroup(state["Pid"], container_id)
    group = groups[container_id]
    if group is None:
        return reported(client.stats(container_id, stream=False, one_shot=True))
    try:
        return group.usage()
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"the container {container_id} is not running") from error


def reported(body: Mapping[str, Any]) -> Usage:
    """The engine's answer, which spells some counters as the kernel does."""
    memory = body["memory_stats"]
    if not memory.get("usage"):
        raise EngineUnavailable(f"the container {body.get('id')} is not running")
    kinds = memory.get("stats", {})
    cache = kinds.get("total_inactive_file", kinds.get("inactive_file", 0))
    networks = (body.get("networks") or {}).values()
    return Usage(
        cpu=body["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory=max(0, memory["usage"] - cache),
        cache=cache,
        peak=memory.get("max_usage"),
        received=sum(network["rx_bytes"] for network in networks),
        sent=sum(network["tx_bytes"] for network in networks),
        read=transferred(body, "read"),
        written=transferred(body, "write"),
    )


def transferred(body: Mapping[str, Any], what: str) -> int:
    rows = (body.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return sum(row["value"] for row in rows if row["op"].lower() == what)
