"""Every setting and how it is read: one line each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localdlc.config.model import CodeSource, Dataset
from localdlc.config.values import (
    Reader,
    a_duration,
    a_folder,
    a_port,
    a_sample,
    a_scale,
    a_secret,
    a_size,
    a_switch,
    a_text,
    folders,
    networks,
    one_of,
    pairs,
    places,
    seconds,
    texts,
    whole,
)

__all__ = ["SETTINGS"]


def table_of(title: str, read: Callable[[str, Any, Path], Any]) -> Reader:
    """A table of tables, such as ``[code_sources."code-…"]``; a variable holds it as JSON."""

    def read_table(value: Any, folder: Path) -> dict[str, Any]:
        table = json.loads(value) if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise TypeError(f'expected a table such as [{title}"]')
        return {name: read(name, body, folder) for name, body in table.items()}

    return read_table


def members(name: str, body: Any, readers: Mapping[str, Reader], folder: Path) -> dict[str, Any]:
    """The members of one table, each read; what it may not have is an error."""
    if not isinstance(body, Mapping):
        raise TypeError(f"{name!r} is no table; it may have: {', '.join(readers)}")
    if unknown := next((key for key in body if key not in readers), None):
        raise ValueError(f"{name!r} has no {unknown!r}; it may have: {', '.join(readers)}")
    return {key: member(name, key, readers[key], value, folder) for key, value in body.items()}


def member(name: str, key: str, read: Reader, value: Any, folder: Path) -> Any:
    try:
        return read(value, folder)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: ~nobody
        raise ValueError(f"{name!r}: {key}: {error}") from error


def one_table(title: str, readers: Mapping[str, Reader]) -> Reader:
    """One table, such as ``[oss]``; a variable holds it as JSON."""

    def read_members(value: Any, folder: Path) -> dict[str, Any]:
        body = json.loads(value) if isinstance(value, str) else value
        return members(title, body, readers, folder)

    return read_members


def code_source(name: str, body: Any, folder: Path) -> CodeSource:
    if not isinstance(body, Mapping) or not {"repository", "folder"} & body.keys():
        raise ValueError(f"{name!r} needs a repository (a URL or a folder), or a folder to use")
    if body.get("clone_type", 0) not in (0, 1):
        raise ValueError(f"{name!r}: clone_type is 0 or 1")
    return CodeSource(**members(name, body, CODE_SOURCE, folder))


def dataset(name: str, body: Any, folder: Path) -> Dataset:
    return Dataset(**members(name, body, DATASET, folder))


def gpu_inventory(value: Any, folder: Path) -> tuple[Any, ...]:
    """A list of tables, ``[[gpu_inventory]]``; a variable holds it as JSON."""
    from localdlc.config.gpus import Gpu

    try:
        listed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise TypeError('expected a list such as [{"index": 0, "uuid": "GPU-…", "name": "…"}]')
    read = [members(f"GPU {n}", body, GPU, folder) for n, body in enumerate(listed)]
    for number, one in enumerate(read):
        if not {"index", "uuid"} <= one.keys():
            raise ValueError(f"GPU {number} needs an index and a uuid")
    gpus = tuple(Gpu(**{"name": "GPU", "memory": 0, **one}) for one in read)
    if len({gpu.uuid for gpu in gpus}) < len(gpus):
        raise ValueError("two GPUs have one uuid")
    return tuple(sorted(gpus, key=lambda gpu: gpu.index))


def as_it_is(value: Any, folder: Path) -> Any:
    return value


def repository(value: Any, folder: Path) -> str:
    """A folder becomes absolute; a URL or ``user@host:path`` stays as it is."""
    text = a_text(value, folder)
    remote = "://" in text or (":" in text and not text.startswith((".", "/", "~")))
    return text if remote else str((folder / Path(text).expanduser()).resolve())


def several(value: Any, folder: Path) -> tuple[str, ...]:
    return tuple(texts(value, folder))


def a_name(value: Any, folder: Path) -> str:
    """Labels of containers and NVIDIA_VISIBLE_DEVICES have commas between such."""
    text = a_text(value, folder)
    if "," in text or text.split() != [text]:
        raise ValueError(f"expected a text without commas and spaces, got {value!r}")
    return text


CODE_SOURCE: dict[str, Reader] = {
    "repository": repository,
    "branch": a_text,
    "commit": a_text,
    "mount_path": a_text,
    "clone_type": as_it_is,
    "user": a_text,
    "token": a_secret,
    "folder": a_folder,
}

DATASET: dict[str, Reader] = {
    "uri": a_text,
    "mount_path": a_text,
    "access": one_of("RO", "RW"),
    "property": one_of("FILE", "DIRECTORY"),
    "versions": pairs,
    "sample": a_sample,
    "include": several,
    "exclude": several,
}

GPU: dict[str, Reader] = {
    "index": whole(0),
    "uuid": a_name,
    "name": a_text,
    "memory": a_size,
    "parent": a_text,
    "numa": whole(0),
    "links": several,
    "devices": several,
}

OSS: dict[str, Reader] = {
    "access_key_id": a_secret,
    "access_key_secret": a_secret,
    "security_token": a_secret,
    "endpoint": a_text,
    "region": a_text,
    "profile": a_text,
    "role_arn": a_text,
}

CLOUD: dict[str, Reader] = {"sts_endpoint": a_text, "workspace_endpoint": a_text}

SETTINGS: dict[str, Reader] = {
    "home": a_folder,
    "user_id": a_text,
    "pull": one_of("missing", "always", "never"),
    "offline": a_switch,
    "keep": one_of("never", "failed", "always"),
    "grace": seconds,
    "time_scale": a_scale,
    "subnets": networks,
    "map": folders,
    "image_map": pairs,
    "code_sources": table_of('code_sources."code-…', code_source),
    "datasets": table_of('datasets."d-…', dataset),
    "sample": a_sample,
    "code_dir": a_folder,
    "oss": one_table("oss", OSS),
    "cloud": one_table("cloud", CLOUD),
    "credentials": a_text,
    "dashboard": a_port,
    "resolve": one_of("local", "cloud"),
    "write_back": a_switch,
    "allow_host_path": places,
    "denied_host_paths": places,
    "allow_privileged": a_switch,
    "resources": one_of("share", "exact"),
    "no_wait": a_switch,
    "gpus": one_of("strict", "share", "shrink", "none"),
    "nproc": whole(1),
    "gpu_devices": several,
    "gpu_inventory": gpu_inventory,
    "nccl": one_of("isolated", "same-host"),
    "fault": several,
    "hang_timeout": a_duration,
    "on_hang": one_of("go-on", "stop"),
    "debug_replica": several,
    "metrics": one_of("on", "off"),
    "engine_patience": seconds,
    "limit_jobs": whole(1),
    "limit_logs": a_size,
    "limit_cache": a_size,
}
