"""Containers that are there already: what they wrote, whether they have ended, others like them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests.exceptions
import urllib3.exceptions

from localdlc.run.docker_errors import gone_is_fine, speaking
from localdlc.run.frames import DockerLog

if TYPE_CHECKING:
    import docker

    from localdlc.run.docker_session import DockerSession

__all__ = ["FoundContainers", "free_of_the_dead"]

# The first whose log keeps the newlines of long lines.
MENDED_SINCE = (1, 42)


class FoundContainers:
    """The part of `DockerEngine` that takes over what somebody else has begun."""

    _client: docker.APIClient

    def output(self, container_id: str) -> DockerLog:
        client = self._client
        url = f"{client.base_url}/v{client.api_version}/containers/{container_id}/logs"
        asked = {"stdout": 1, "stderr": 1, "follow": 1}
        with speaking("read a replica's output again"):
            # Not docker-py's own logs(): it hands over one message a call.
            response = client.get(url, params=asked, stream=True)
            response.raise_for_status()
        return DockerLog(response, mended=version(client.api_version) < MENDED_SINCE)

    def ended_within(self, container_id: str, seconds: float) -> bool:
        with speaking("wait for a replica"):
            try:
                self._client.wait(container_id, timeout=math.ceil(seconds))
            except requests.exceptions.Timeout:
                return False
            except requests.exceptions.ConnectionError as error:
                # The engine answers at once and sends the exit code when there is one.
                if any(isinstance(why, urllib3.exceptions.ReadTimeoutError) for why in error.args):
                    return False
                raise
        return True

    def enter(self, container_id: str, command: Sequence[str], *, terminal: bool) -> DockerSession:
        from localdlc.run.docker_session import DockerSession

        return DockerSession(self._client, container_id, command, terminal=terminal)

    def environment(self, container_id: str) -> Mapping[str, str]:
        with speaking("look at a replica"):
            variables = self._client.inspect_container(container_id)["Config"]["Env"] or ()
        return dict(variable.split("=", 1) for variable in variables if "=" in variable)

    def create_again(
        self,
        container_id: str,
        name: str,
        labels: Mapping[str, str],
        image: str = "",
        command: Sequence[str] = (),
    ) -> str:
        instead: dict[str, Any] = {"Image": image} if image else {}
        if command:
            instead |= {"Entrypoint": [], "Cmd": list(command)}
        with speaking(f"create {name}"):
            old = self._client.inspect_container(container_id)
            body = {**same_again(old, labels), **instead}
            created = self._client.create_container_from_config(body, name=name)  # type: ignore[no-untyped-call]
        return str(created["Id"])


def same_again(old: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """The Engine API's body for a container like ``old``, as the engine shows it."""
    networks = old["NetworkSettings"]["Networks"]
    places = {name: {"IPAMConfig": network["IPAMConfig"]} for name, network in networks.items()}
    config = {**old["Config"], "Labels": {**old["Config"]["Labels"], **labels}}
    network = {"EndpointsConfig": places}
    return {**config, "HostConfig": old["HostConfig"], "NetworkingConfig": network}


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def free_of_the_dead(client: docker.APIClient, network: str) -> bool:
    """Takes containers off a network that are not there any more; whether there were any.

    Found by experiment: of a container that ends while its engine is not there, and is removed
    afterwards, the network keeps an address, and the engine refuses to remove it for ever.
    """
    members = client.inspect_network(network)["Containers"] or {}
    there = {container["Id"] for container in client.containers(all=True)}
    dead = [member["Name"] for id_, member in members.items() if id_ not in there]
    for name in dead:
        with gone_is_fine():
            client.disconnect_container_from_network(name, network, force=True)
    return bool(dead)
