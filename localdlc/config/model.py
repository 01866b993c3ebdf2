"""What a configuration holds: one frozen `Config`, and the tables it registers things in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localdlc.config.gpus import Gpu

__all__ = ["Cloud", "CodeSource", "Config", "Dataset", "Oss", "Sample"]


UNITS = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3, "B": 1}


@dataclass(frozen=True, slots=True)
class Sample:
    """How much of a data source is enough to try a job with; exactly one of the three is set.

    ``share`` is a part of one: 1% is 0.01.
    """

    files: int | None = None
    bytes: int | None = None
    share: float | None = None

    def __str__(self) -> str:
        if self.files is not None:
            return f"{self.files}files"
        if self.share is not None:
            return f"{100 * self.share:g}%"
        size = self.bytes or 0
        unit = next(u for u in UNITS if size % UNITS[u] == 0)
        return f"{size // UNITS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of the workspace, as ``[datasets."<DataSourceId>"]`` registers it.

    A Uri may stand in the place of the id, for ``sample``, ``include`` and ``exclude`` of a source
    that requests name by its Uri. ``access`` is ``RO`` or ``RW``, ``property`` ``FILE`` or
    ``DIRECTORY`` (AIWorkSpace GetDataset); ``versions`` gives the Uri of each DataSourceVersion.
    """

    uri: str | None = None
    mount_path: str | None = None
    access: str | None = None
    property: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    sample: Sample | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeSource:
    """A code source of the workspace, as ``[code_sources."<CodeSourceId>"]`` registers it.

    ``clone_type`` 0 clones into a new folder of ``mount_path`` named like the repository, 1
    straight into it (AIWorkSpace CreateCodeSource). With a ``folder`` that working tree is used as
    it is, and nothing is cloned.
    """

    repository: str = ""
    branch: str | None = None
    commit: str | None = None
    mount_path: str | None = None
    clone_type: int = 0
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    folder: Path | None = None

    @property
    def shown(self) -> str:
        """The repository without the ``user:token@`` that people paste into its URL."""
        return re.sub(r"(?<=://)[^/]*@", "", self.repository)


@dataclass(frozen=True, slots=True)
class Oss:
    """``[oss]``: how buckets are reached, and with which keys when nothing goes before these.

    ``profile`` is one of ``~/.aliyun/config.json``; ``role_arn`` a role that the keys assume.
    """

    access_key_id: str | None = field(default=None, repr=False)
    access_key_secret: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Cloud:
    """``[cloud]``: where the cloud's own services answer, when not at their public addresses.

    An endpoint is a host, or ``http://host:port``.
    """

    sts_endpoint: str | None = None
    workspace_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting. ``origins`` says where each one came from; ``grace`` is in seconds.

    ``credentials`` names the profile whose temporary keys jobs may have; ``resolve`` says who knows
    what a DataSourceId or CodeSourceId stands for: this configuration (``local``) or the ``cloud``.
    ``time_scale``: so many times as fast do the minutes of a request pass.
    ``dashboard`` is the port of this machine where the job's is to answer.
    ``write_back`` uploads what a job wrote over fetched data. ``allow_host_path`` are places that
    matter on this machine and may be mounted; ``denied_host_paths`` are more that may not.
    ``resources`` says what becomes of a job that asks for more than this machine has: all have a
    ``share`` of it, or they have ``exact`` what they ask for, or there is no job. With ``no_wait``
    there is no job that would have to queue, either.
    ``gpus`` says that of GPUs: all as asked for (``strict``), some together (``share``), fewer and
    smaller replicas (``shrink``), or ``none``; ``nproc`` are the processes of a replica.
    ``gpu_inventory`` are this machine's, where NVML is not to be asked, ``gpu_devices`` the indexes
    or UUIDs of those that jobs may have. ``nccl``: replicas are as ``isolated`` from each other as
    nodes are, or processes of the ``same-host``.
    ``allow_privileged`` lets a request ask for rights that give this machine away. ``fault`` are
    faults to rehearse, as in ``worker-1:kill@30s``. After ``hang_timeout`` seconds of silence the
    replicas' stacks are taken, and ``on_hang`` the job goes on or is stopped. In a
    ``debug_replica``, such as ``master-0:5678``, Python waits for a debugger. ``metrics``: whether
    it is sampled what replicas use (``on``, ``off``). An engine that is gone in the middle of a job
    may take ``engine_patience`` seconds to be back. A home holds ``limit_jobs`` that have ended,
    ``limit_logs`` bytes of their logs, and ``limit_cache`` bytes of caches; None is any number.
    """

    home: Path
    user_id: str = "1000000000000000"
    pull: str = "missing"
    offline: bool = False
    keep: str = "never"
    grace: float | None = None
    time_scale: float = 1.0
    subnets: tuple[IPv4Network, ...] = (
        IPv4Network("10.213.0.0/16"),
        IPv4Network("172.29.0.0/16"),
        IPv4Network("192.168.208.0/20"),
    )
    map: Mapping[str, Path] = field(default_factory=dict)
    image_map: Mapping[str, str] = field(default_factory=dict)
    code_sources: Mapping[str, CodeSource] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    sample: Sample | None = None
    code_dir: Path | None = None
    oss: Oss = Oss()
    cloud: Cloud = Cloud()
    credentials: str | None = None
    dashboard: int | None = None
    resolve: str = "local"
    write_back: bool = False
    allow_host_path: tuple[Path, ...] = ()
    denied_host_paths: tuple[Path, ...] = ()
    allow_privileged: bool = False
    resources: str = "share"
    no_wait: bool = False
    gpus: str = "strict"
    nproc: int | None = None
    gpu_devices: tuple[str, ...] = ()
    gpu_inventory: tuple[Gpu, ...] | None = None
    nccl: str = "isolated"
    fault: tuple[str, ...] = ()
    hang_timeout: float | None = None
    on_hang: str = "stop"
    debug_replica: tuple[str, ...] = ()
    metrics: str = "on"
    engine_patience: float = 120.0
    limit_jobs: int | None = 10_000
    limit_logs: int | None = 50 * 10**9
    limit_cache: int | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def named(self, setting: str) -> str:
        """A setting as whoever gave it knows it: ``--code-dir``, or the file and its name there."""
        origin = self.origins.get(setting, f"--{setting.replace('_', '-')}")
        given = origin.startswith(("--", "LOCALDLC_"))
        return origin if given else f"{setting} of {origin}"

    def job_folder(self, job_id: str) -> Path:
        return self.home / "jobs" / job_id

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace that DLC's service names carry."""
        return f"t{self.user_id}"
