"""Docker, spoken to through docker-py's low-level client."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from ipaddress import IPv4Network
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import docker
import docker.errors
import requests.exceptions

from localdlc.errors import EngineUnavailable, ImageError, LocaldlcError
from localdlc.run.ceilings import ceilings
from localdlc.run.docker_bodies import container_config, overlay_options, sees_all
from localdlc.run.docker_errors import gone_is_fine, speaking, starting
from localdlc.run.docker_found import FoundContainers, free_of_the_dead
from localdlc.run.docker_images import MadeImages
from localdlc.run.docker_struck import StruckContainers
from localdlc.run.engine import (
    Answer,
    ContainerSpec,
    EngineFacts,
    Exit,
    Leftover,
    Overlay,
    SubnetTaken,
)
from localdlc.run.engine_address import find_engine
from localdlc.run.frames import DockerAttachment
from localdlc.run.host import routed_subnets

if TYPE_CHECKING:
    from localdlc.record.usage import Usage
    from localdlc.run.container_use import Groups
    from localdlc.run.docker_gpus import Dialect

__all__ = ["DockerEngine", "connect"]

# As Docker and Podman say it.
SUBNET_TAKEN = re.compile(r"(?i)overlap|subnet \S+ is already used")
# Podman answers 500 to a signal for what does not run, where Docker answers 409.
NOT_RUNNING = "can only kill running containers"
# Podman writes out where an image without a registry comes from.
HOME_OF_IMAGES = re.compile(r"^(?:localhost|docker\.io)/(?:library/)?")
# Seconds that an engine may take to say which version it is.
CONNECT_PATIENCE = 15
# Seconds for any other short answer. Starts of many replicas wait for each other inside the engine.
PATIENCE = 300
# docker-py keeps a pool of connections for every URL, and each call on each container has its own;
# beyond its 25 it closes the oldest, in use or not.
POOLS = 4096
HOME_LABEL = "localdlc.home"


def connect(environment: Mapping[str, str]) -> DockerEngine:
    """The engine that the docker command line would talk to, checked to be alive.

    Raises `EngineUnavailable` with every address that was tried and why it did not answer.
    """
    address = find_engine(environment)
    with speaking(f"connect to the engine at {address.url}"):
        tls = address.tls and docker.tls.TLSConfig(
            client_cert=address.tls.client_cert,
            ca_cert=address.tls.ca_cert,
            verify=address.tls.verify,
        )
        client = docker.APIClient(
            base_url=address.url,
            version="auto",
            timeout=CONNECT_PATIENCE,
            tls=tls or False,
            num_pools=POOLS,
        )
        # docker-py itself waits for ever in wait(), attach, pulls, imports and builds.
        client.timeout = PATIENCE
        return DockerEngine(client, address.url)


def knock(url: str) -> None:
    """Asks for a new connection: an engine that is ending goes on answering on old ones."""
    if not url.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(PATIENCE)
        try:
            door.connect(url.removeprefix("unix://"))
        except OSError as error:
            raise requests.exceptions.ConnectionError(error) from error


class DockerEngine(FoundContainers, MadeImages, StruckContainers):
    """An `Engine` over one docker-py client, shared by all threads.

    Short calls end after the client's ``timeout``.
    """

    def __init__(self, client: docker.APIClient, address: str) -> None:
        self._client = client
        self._address = address
        self._groups: Groups = {}
        self._own_logs = False
        self._sees_all: dict[str, bool] = {}
        self._gpus_by: tuple[Dialect, frozenset[str]] | None = None
        self._once = Lock()

    def close(self) -> None:
        """Gives back the connections that are idle."""
        self._client.close()

    @contextmanager
    def _asking(self, doing: str, instead: type[LocaldlcError] | None = None) -> Iterator[None]:
        """`speaking`, for calls that an engine in good health answers soon."""
        with speaking(doing, instead):
            try:
                yield
            except requests.exceptions.Timeout as error:
                raise EngineUnavailable(
                    f"the engine at {self._address} has not answered for {self._client.timeout} s; "
                    f"it was asked to {doing}. See whether `docker ps` answers. If it does not, "
                    "restart the engine, then run `localdlc gc`."
                ) from error

    def describe(self) -> EngineFacts:
        with self._asking("say what it is"):
            knock(self._address)
            info = self._client.info()
        return EngineFacts(
            name="docker",
            version=info["ServerVersion"],
            cpus=info["NCPU"],
            memory=info["MemTotal"],
            address=self._address,
            storage=info.get("Driver", ""),
            cgroups=info.get("CgroupVersion", "") if info.get("CgroupDriver") != "none" else "none",
            folder=info.get("DockerRootDir", ""),
            runtimes=tuple(sorted(info.get("Runtimes") or ())),
            cdi=tuple(info.get("CDISpecDirs") or ()),
            rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        )

    def ceilings(self) -> Mapping[str, int]:
        return ceilings(self._address)

    def taken_subnets(self) -> tuple[IPv4Network, ...]:
        with self._asking("list the engine's networks"):
            networks = self._client.networks()
        configured = (
            config.get("Subnet", "")
            for network in networks
            for config in (network["IPAM"].get("Config") or ())
        )
        ours = tuple(IPv4Network(subnet, strict=False) for subnet in configured if "." in subnet)
        return ours + routed_subnets()

    # images

    def find_image(self, reference: str) -> str | None:
        with self._asking(f"look for the image {reference}"):
            try:
                image = self._client.inspect_image(reference)  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None
        self._sees_all[reference] = sees_all(image)
        return str(image["Id"])

    def image_names(self) -> tuple[str, ...]:
        with self._asking("list the engine's images"):
            images = self._client.images()
        tags = {tag for image in images for tag in image.get("RepoTags") or ()}
        return tuple(sorted(HOME_OF_IMAGES.sub("", tag) for tag in tags - {"<none>:<none>"}))

    def remove_image(self, reference: str) -> None:
        with self._asking(f"remove the image {reference}", ImageError), gone_is_fine():
            self._client.remove_image(reference)

    # the life of a job

    def create_network(self, name: str, subnet: IPv4Network, labels: Mapping[str, str]) -> None:
        pool = docker.types.IPAMPool(subnet=str(subnet), gateway=str(subnet.network_address + 1))
        with self._asking(f"create the network {name}"):
            try:
                self._client.create_network(
                    name,
                    driver="bridge",
                    check_duplicate=True,  # older engines take a name twice, and then know neither
                    ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                    labels=dict(labels),
                )
            except docker.errors.APIError as error:
                if SUBNET_TAKEN.search(str(error.explanation)):
                    raise SubnetTaken(f"{subnet} is taken: {error.explanation}") from error
                raise

    def remove_network(self, name: str) -> None:
        with self._asking(f"remove the network {name}"), gone_is_fine():
            try:
                self._client.remove_network(name)
            except docker.errors.APIError:
                if not free_of_the_dead(self._client, name):
                    raise
                self._client.remove_network(name)

    def create_volume(self, name: str, overlay: Overlay, labels: Mapping[str, str]) -> None:
        with self._asking(f"create the volume {name}"):
            self._client.create_volume(
                name, driver="local", driver_opts=overlay_options(overlay), labels=dict(labels)
            )

    def remove_volume(self, name: str) -> None:
        with self._asking(f"remove the volume {name}"), gone_is_fine():
            self._client.remove_volume(name)

    def create(self, spec: ContainerSpec) -> str:
        gpus = self._gpu_config(spec) if spec.gpus else {}
        if spec.image not in self._sees_all:
            self.find_image(spec.image)
        body = container_config(spec, gpus, blind=self._sees_all.get(spec.image, False))
        with self._asking(f"create {spec.name}"):
            return self._created(body, spec.name)

    def _created(self, body: dict[str, Any], name: str) -> str:
        """Podman knows no log driver ``local``: it is told once, and keeps logs as it likes."""
        if self._own_logs:
            body["HostConfig"].pop("LogConfig", None)
        try:
            created = self._client.create_container_from_config(body, name=name)  # type: ignore[no-untyped-call]
        except docker.errors.APIError as error:
            chosen = "LogConfig" in body["HostConfig"]
            if not chosen or "invalid log driver" not in str(error.explanation):
                raise
            self._own_logs = True
            return self._created(body, name)
        return str(created["Id"])

    def _gpu_config(self, spec: ContainerSpec) -> dict[str, Any]:
        from localdlc.run.docker_gpus import dialect, gpu_config, names

        with self._once, self._asking("say how it gives GPUs"):  # it takes long for the answer
            if self._gpus_by is None:
                info = self._client.info()
                self._gpus_by = dialect(info), names(info)
        return gpu_config(spec.gpus, *self._gpus_by)

    def attach(self, container_id: str) -> DockerAttachment:
        with speaking("attach to a replica's output"):
            socket = self._client.attach_socket(
                container_id, params={"stdout": 1, "stderr": 1, "stream": 1}
            )
        return DockerAttachment(socket)

    def start(self, container_id: str) -> None:
        with starting(), self._asking("start a replica"):
            self._client.start(container_id)

    def wait(self, container_id: str) -> Exit:
        with self._asking("wait for a replica"):
            state = self._client.inspect_container(container_id)["State"]
            if state["Status"] != "exited":
                self._client.wait(container_id)
                state = self._client.inspect_container(container_id)["State"]
        return Exit(
            code=state["ExitCode"],
            oom=state["OOMKilled"],
            finished_at=datetime.fromisoformat(state["FinishedAt"]),
        )

    def signal(self, container_id: str, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        with self._asking(f"send {name} to a replica"), gone_is_fine():
            try:
                self._client.kill(container_id, signal=name)
            except docker.errors.APIError as error:
                # 409: it is not running (any more)
                if error.status_code != 409 and NOT_RUNNING not in str(error.explanation):
                    raise

    def execute(self, container_id: str, command: Sequence[str]) -> Answer:
        with self._asking("run a command in a replica"):
            made = self._client.exec_create(container_id, list(command))["Id"]
        with speaking("run a command in a replica"):
            output = self._client.exec_start(made)
            code = self._client.exec_inspect(made)["ExitCode"]
        return Answer(137 if code is None else code, output)

    def usage(self, container_id: str) -> Usage:
        from localdlc.run.container_use import usage_of  # most jobs are over before it is needed

        with self._asking("say what a replica uses"):
            return usage_of(self._client, container_id, self._groups)

    def remove(self, container_id: str) -> None:
        with self._asking("remove a replica's container"), gone_is_fine():
            self._client.remove_container(container_id, force=True, v=True)

    def unended(self) -> tuple[Leftover, ...]:
        chosen = {"label": ["localdlc.job"], "status": ["created", "running", "paused"]}
        with self._asking("list what runs"):
            found = self._client.containers(all=True, filters=chosen)
        return tuple(
            Leftover("container", c["Id"], c["Names"][0].lstrip("/"), c["Labels"]) for c in found
        )

    def leftovers(self, home: str) -> tuple[Leftover, ...]:
        with self._asking("list what carries our labels"):
            chosen = {"label": [f"{HOME_LABEL}={home}"]}
            containers = self._client.containers(all=True, filters=chosen)
            volumes = self._client.volumes(filters=chosen)["Volumes"] or []
            networks = self._client.networks(filters=chosen)
        return (
            *(
                Leftover("container", c["Id"], c["Names"][0].lstrip("/"), c["Labels"], c["State"])
                for c in containers
            ),
            *(Leftover("volume", v["Name"], v["Name"], v["Labels"]) for v in volumes),
            *(Leftover("network", n["Id"], n["Name"], n["Labels"]) for n in networks),
        )
