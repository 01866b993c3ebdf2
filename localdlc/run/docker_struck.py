"""What befalls containers in a rehearsal: paused, cut off from their network, out of memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker

    from localdlc.run.engine import Answer

__all__ = ["StruckContainers"]

HOSTS = "/etc/hosts"
# Bytes that are left to a container whose memory is to be exhausted.
ROOM = 16 << 20
# They eat what is left. Of a container's processes the kernel kills the largest, so these are four,
# and all others are made to look larger than they are.
EATERS = (
    "/bin/sh",
    "-c",
    """\
for each in /proc/[0-9]*; do
  [ "$each" = "/proc/$$" ] || echo 1000 >"$each/oom_score_adj"
done 2>/dev/null
for eater in 1 2 3 4; do tail /dev/zero & done
wait""",
)


class StruckContainers:
    """The part of `DockerEngine` that brings faults about, and takes them back."""

    _client: docker.APIClient

    def execute(self, container_id: str, command: Sequence[str]) -> Answer:
        raise NotImplementedError

    def _asking(self, doing: str) -> AbstractContextManager[None]:
        raise NotImplementedError

    def pause(self, container_id: str) -> None:
        with self._asking("pause a replica"):
            self._client.pause(container_id)

    def resume(self, container_id: str) -> None:
        with self._asking("let a replica go on"):
            self._client.unpause(container_id)

    def cut_off(self, container_id: str, network: str) -> None:
        with self._asking("take a replica off its network"):
            self._client.disconnect_container_from_network(container_id, network)

    def join(self, container_id: str, network: str, ip: str) -> None:
        """Docker takes names out of the hosts file as a container leaves, and forgets them.

        Its own it writes once more.
        """
        with self._asking("put a replica on its network"):
            self._client.connect_container_to_network(container_id, network, ipv4_address=ip)
            had = self._client.inspect_container(container_id)["HostConfig"]["ExtraHosts"]
            table = with_names(had or (), self._as_root(container_id, "cat", HOSTS))
            self._as_root(container_id, "/bin/sh", "-c", f'printf %s "$0" >{HOSTS}', table)

    def _as_root(self, container_id: str, *command: str) -> str:
        made = self._client.exec_create(container_id, [*command], user="0")["Id"]
        output: bytes = self._client.exec_start(made)
        return output.decode("utf-8", "replace")

    def exhaust_memory(self, container_id: str) -> None:
        with self._asking("take a replica's memory"):
            used = self._client.stats(container_id, stream=False, one_shot=True)["memory_stats"]
            least = used.get("usage", 0) + ROOM
            limit = self._client.inspect_container(container_id)["HostConfig"]["Memory"]
            if not 0 < limit < least:
                self._client.update_container(container_id, mem_limit=least, memswap_limit=least)
        self.execute(container_id, EATERS)


def with_names(had: Iterable[str], table: str) -> str:
    """A hosts file's ``table``, each line once, with all that it ``had``: ``name:address`` each."""
    pairs = (one.partition(":") for one in had)
    lines = (*table.splitlines(), *(f"{address}\t{name}" for name, _, address in pairs))
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
