"""What the Engine API is sent: its JSON bodies, from our own words. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from localdlc.errors import ImageError
from localdlc.plan.model import Login, Mount
from localdlc.run.engine import ContainerSpec, Overlay

__all__ = [
    "auth_config",
    "committed",
    "container_config",
    "overlay_options",
    "progress",
    "sees_all",
]

# What NVIDIA's runtime goes by; images with CUDA ask for all.
VISIBLE = "NVIDIA_VISIBLE_DEVICES"


def container_config(
    spec: ContainerSpec, gpus: dict[str, Any] | None = None, *, blind: bool = False
) -> dict[str, Any]:
    """The Engine API's body for ``POST /containers/create``.

    ``gpus`` is how its HostConfig asks for them; ``blind``: the image would see all by itself.
    """
    address = {spec.network: {"IPAMConfig": {"IPv4Address": spec.ip}}} if spec.ip else {}
    return {
        "Image": spec.image,
        "Hostname": spec.hostname,
        "User": spec.user,
        **command_body(spec),
        "WorkingDir": spec.folder,
        "Env": [f"{name}={value}" for name, value in environment(spec, gpus, blind).items()],
        "Labels": dict(spec.labels),
        "ExposedPorts": {port: {} for port in published(spec)},
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {**host_config(spec), **(gpus or {})},
        "NetworkingConfig": {"EndpointsConfig": address},
    }


def environment(spec: ContainerSpec, gpus: dict[str, Any] | None, blind: bool) -> dict[str, str]:
    """Which GPUs it sees is said by the engine where NVIDIA's driver gives it some, else by us."""
    env = {name: value for name, value in spec.env.items() if name != VISIBLE}
    for asked in (gpus or {}).get("DeviceRequests", ()):
        by_us = asked["Driver"] == "cdi"
        return {**env, VISIBLE: ",".join(gpu.uuid for gpu in spec.gpus)} if by_us else env
    return {**env, VISIBLE: "void"} if blind else env


def sees_all(image: dict[str, Any]) -> bool:
    """Whether NVIDIA's runtime, where it is the default, gives it GPUs that nobody asked for."""
    named = (image.get("Config") or {}).get("Env") or ()
    return any(pair.startswith(f"{VISIBLE}=") for pair in named)


def command_body(spec: ContainerSpec) -> dict[str, Any]:
    """An empty Entrypoint is none; an empty Cmd is the image's own, after its own Entrypoint."""
    body: dict[str, Any] = {} if spec.after_entrypoint else {"Entrypoint": []}
    return {**body, "Cmd": list(spec.command)}


def host_config(spec: ContainerSpec) -> dict[str, Any]:
    limits = spec.resources
    config: dict[str, Any] = {
        "Init": True,
        "NetworkMode": spec.network,
        "PidMode": spec.processes,
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.hosts],
        "Mounts": [mount_body(mount) for mount in spec.mounts],
        # Our own log files are the record. The engine's copy is for who carries on with a job: it
        # is read from its beginning, so that nothing of it may go before its container does.
        "LogConfig": {"Type": "local", "Config": {"max-size": "1000t", "compress": "false"}},
        "RestartPolicy": {"Name": "no"},
        "PortBindings": published(spec),
        "Privileged": spec.rights.privileged,
        "CapAdd": list(spec.rights.added),
        "CapDrop": list(spec.rights.dropped),
        "SecurityOpt": [f"seccomp={spec.rights.seccomp}"] if spec.rights.seccomp else [],
    }
    if limits.cpus is not None:
        config["NanoCpus"] = int(limits.cpus * 1e9)
    if limits.memory is not None:
        config["Memory"] = config["MemorySwap"] = limits.memory
    if spec.one_host:
        config["IpcMode"] = "host"
    elif limits.shm is not None:
        config["ShmSize"] = limits.shm
    config["Ulimits"] = [
        {"Name": name, "Soft": limit, "Hard": limit} for name, limit in limits.ulimits.items()
    ]
    return config


def committed(image: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """An image's configuration for what a container of it becomes.

    The engine adds what only the container has. That is its labels, which can only be emptied.
    """
    labels = image.get("Labels") or {}
    own = {label: "" for label in container.get("Labels") or {} if label not in labels}
    return {**image, "Labels": {**labels, **own}}


def published(spec: ContainerSpec) -> dict[str, list[dict[str, str]]]:
    """On this machine only: what a training shows is nobody else's to see."""
    return {
        f"{door.inside}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(door.outside)}]
        for door in spec.doors
    }


def mount_body(mount: Mount) -> dict[str, Any]:
    """A volume gets no copy of what the image has at its target: it is not empty, it is data."""
    body = {"Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
    if mount.source.startswith("/"):
        return {"Type": "bind", **body}
    return {"Type": "volume", "VolumeOptions": {"NoCopy": True}, **body}


def overlay_options(overlay: Overlay) -> dict[str, str]:
    """Options of the `local` volume driver, which hands them to mount(2).

    Without index, redirects and metadata-only copies: what was written is then plain files, whole,
    where they are seen.
    """
    folders = {"lowerdir": overlay.lower, "upperdir": overlay.upper, "workdir": overlay.work}
    options = [f"{name}={escaped(path)}" for name, path in folders.items()]
    plain = ["index=off", "redirect_dir=off", "metacopy=off"]
    if overlay.told_to_all:  # with which the kernel refuses any other way not to redirect
        plain = ["index=off", "redirect_dir=nofollow", "metacopy=off", "userxattr"]
    return {"type": "overlay", "device": "overlay", "o": ",".join((*options, *plain))}


def escaped(path: str) -> str:
    """``:`` divides lower folders and ``,`` options; the kernel takes both behind a backslash."""
    return re.sub(r"([\\:,])", r"\\\1", path)


def auth_config(login: Login | None) -> dict[str, str] | None:
    if login is None:
        return None
    username, password = login.username, login.password
    if login.auth and not password:
        # Only the command line's configuration file knows `auth`; the engine takes no notice of it.
        username, _, password = decoded(login.auth).partition(":")
    named = {"username": username, "password": password, "serveraddress": login.registry}
    return {name: value for name, value in named.items() if value}


def decoded(auth: str) -> str:
    """``USER:PASSWORD`` of an Auth, which is that in base64; "" for what is not."""
    try:
        return base64.b64decode(auth, validate=True).decode()
    except ValueError:
        return ""


def progress(lines: Iterator[dict[str, Any]], failure: str) -> Iterator[str]:
    """The engine's JSON progress as lines; an error in it raises `ImageError`."""
    for line in lines:
        if "error" in line:
            raise ImageError(f"{failure}: {line['error'].strip()}")
        text = line.get("stream") or " ".join(
            str(line[key]) for key in ("id", "status", "progress") if line.get(key)
        )
        if text.strip():
            yield text.rstrip()
