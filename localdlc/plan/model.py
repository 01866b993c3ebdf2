"""The plan: everything a run will do, decided, as plain data.

Nothing here touches the outside world. `Plan.to_json` is the shape of ``plan -o json`` in the
contract; ``str(plan)`` is what a person reads and what the golden tests compare.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Literal

from localdlc.config import Sample
from localdlc.plan.pod import Pod
from localdlc.record.events import FidelityReport
from localdlc.record.masking import MASK

if TYPE_CHECKING:
    from fractions import Fraction

    from localdlc.plan.ask import Ask
    from localdlc.plan.checkout import Checkout
    from localdlc.plan.faults import Fault
    from localdlc.plan.files import File
    from localdlc.plan.gpus import Pool
    from localdlc.plan.injection import Injection
    from localdlc.plan.reservation import Reservation
    from localdlc.plan.restarts import Monitoring

# The password or token that people paste into a URL: ``https://user:TOKEN@…``, ``https://TOKEN@…``.
PASTED = re.compile(r"(?<=://)(?:[^/@\s]*:)?([^/@\s]+)@")

Phase = Literal["Running", "Succeeded", "ServiceReady"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of this machine (``source``) as every replica sees it (``target``).

    With a ``layer`` (a folder, too) all that replicas write goes there and ``source`` stays as it
    is.
    """

    source: str
    target: str
    read_only: bool
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A data source that is not on this machine: where it is, and how much of it is wanted.

    ``property`` is the dataset's ``FILE`` or ``DIRECTORY``; ``include`` and ``exclude`` are globs
    over paths below the source; ``parallel`` is the number of downloads at a time.
    """

    uri: str
    property: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sample: Sample | None = None
    parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """Something to bring before any replica starts, and where the replicas see it.

    ``source`` is the folder that will be mounted ("" for libraries, which are installed);
    ``checkout`` is set for code only, ``fetch`` for data that is elsewhere. With a ``role``, a Type
    of JobSpecs, only its replicas see it. ``where`` names it: a member, a flag or a setting.
    """

    kind: Literal["data", "code", "libs"]
    uri: str
    target: str
    read_only: bool
    source: str = ""
    checkout: Checkout | None = None
    fetch: Fetch | None = None
    role: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Libraries:
    """What the replicas of one image install before their command.

    ``wanted`` are requirements, ``listed`` a requirements.txt in the container ("" for none);
    ``folder`` is where the replicas' wheels must be on this machine. ``mounts`` and ``env`` (pip's
    variables) are what a replica has, because pip may be told to look there.
    """

    image: str
    wanted: tuple[str, ...]
    listed: str
    folder: str
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits of one container: cores, bytes, bytes of ``/dev/shm``, GPUs. None is no limit.

    It is to have ``gpu_count`` GPUs, or a part of one; ``gpus`` are the UUIDs of those that it has
    once the job is admitted. ``ulimits`` are its processes' (-1 is no limit); those that are not
    named are the engine's own. ``asked`` is what the request wants of all this.
    """

    cpus: float | None = None
    memory: int | None = None
    shm: int | None = None
    gpu_count: Fraction | int = 0
    gpus: tuple[str, ...] = ()
    ulimits: Mapping[str, int] = field(default_factory=dict)
    asked: Ask | None = None

    def to_json(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in ("cpus", "memory", "shm")}
        asked = self.asked.to_json() if self.asked else None
        count = self.gpu_count
        gpus = {"gpu_count": float(count) if count % 1 else int(count), "gpus": [*self.gpus]}
        return {**shown, **gpus, "ulimits": dict(self.ulimits), "asked": asked}


@dataclass(frozen=True, slots=True)
class Door:
    """A port of a replica that answers on this machine, too, at 127.0.0.1."""

    inside: int
    outside: int


@dataclass(frozen=True, slots=True)
class StartAfter:
    """Do not start before ``least`` replicas of ``role``, or all, have reached ``phase``.

    ServiceReady is something that answers at ``port``.
    """

    role: str
    phase: Phase = "Running"
    least: int | None = None
    port: int | None = None

    def __str__(self) -> str:
        count = "" if self.least is None else f"{self.least} of "
        port = f" at port {self.port}" if self.port else ""
        return f"{count}{self.role} is {self.phase}{port}"

    def to_json(self) -> dict[str, Any]:
        shown = {"role": self.role, "phase": self.phase}
        return shown | {n: v for n in ("least", "port") if (v := getattr(self, n)) is not None}


@dataclass(frozen=True, slots=True)
class Login:
    """Registry credentials of ``ImageConfig``, for one pull."""

    registry: str | None
    username: str | None
    password: str | None = field(repr=False)
    auth: str | None = field(repr=False)

    @property
    def secrets(self) -> set[str]:
        """Password and Auth, and how both travel together."""
        pair = f"{self.username or ''}:{self.password or ''}"
        sent = base64.b64encode(pair.encode()).decode() if self.password else ""
        return {secret for secret in (self.password, self.auth, sent) if secret}


@dataclass(frozen=True, slots=True)
class ReplicaPlan:
    """One container-to-be. ``role`` is in lower case, as in pod ids; ``ip`` is None until placed.

    ``injected`` names the variables of ``env`` that are DLC's own and not the request's, and
    ``secrets`` those whose values no sink may show. Each of ``files`` has
    its mount among ``mounts``. The failure of one that does not count is not the job's.
    """

    pod_id: str
    role: str
    role_type: str
    index: int
    hostname: str
    aliases: tuple[str, ...]
    image: str
    command: tuple[str, ...]
    env: dict[str, str]
    mounts: tuple[Mount, ...]
    resources: Resources
    start_after: tuple[StartAfter, ...]
    restart_policy: str
    decides: bool
    counts: bool = True
    injected: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    login: Login | None = None
    doors: tuple[Door, ...] = ()
    pod: Pod = field(default_factory=Pod)
    ip: str | None = None
    files: tuple[File, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "pod_id": self.pod_id,
            "role": self.role,
            "index": self.index,
            "hostname": self.hostname,
            "aliases": list(self.aliases),
            "ip": self.ip,
            "image": self.image,
            "command": list(self.command),
            "env": self.shown_env(),
            "injected": sorted(self.injected),
            "mounts": [asdict(mount) for mount in self.mounts],
            "files": [file.to_json() for file in self.files],
            "resources": self.resources.to_json(),
            "start_after": [s.to_json() for s in self.start_after],
            "restart_policy": self.restart_policy,
            "decides": self.decides,
            **({"pod": pod} if (pod := self.pod.to_json()) else {}),
        }

    def shown_env(self) -> dict[str, str]:
        """``env`` with the secret values masked."""
        return {k: MASK if k in self.secrets else v for k, v in sorted(self.env.items())}


@dataclass(frozen=True, slots=True)
class Network:
    """The job's own network. ``subnet`` is None until a run has observed the engine."""

    name: str
    subnet: IPv4Network | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done for one job. Seconds throughout.

    ``pool`` are the GPUs that it may have, None when no replica is to have any. ``priority`` is its
    place in the queue for them, 1 to 9, the highest first.
    """

    job_id: str
    display_name: str
    job_type: str
    success_policy: str
    deadline_seconds: float | None
    grace_seconds: float
    network: Network
    inputs: tuple[Input, ...]
    replicas: tuple[ReplicaPlan, ...]
    notes: tuple[str, ...]
    completed_message: str = ""
    libraries: tuple[Libraries, ...] = ()
    injection: Injection | None = None
    monitoring: Monitoring | None = None
    reserved: Reservation | None = None
    restart_budget: int = 0
    fidelity: FidelityReport | None = None
    sanity_check: bool = False
    faults: tuple[Fault, ...] = ()
    pool: Pool | None = None
    priority: int = 1

    def placed(self, subnet: IPv4Network) -> Plan:
        """The same plan with every address fixed: .1 is the gateway, replicas follow in order."""
        addresses = (str(subnet.network_address + 2 + n) for n in range(len(self.replicas)))
        return replace(
            self,
            network=replace(self.network, subnet=subnet),
            replicas=tuple(
                replace(r, ip=ip) for r, ip in zip(self.replicas, addresses, strict=True)
            ),
        )

    def files(self) -> tuple[tuple[str, File], ...]:
        """Every file of every replica, with its PodId."""
        return tuple((r.pod_id, file) for r in self.replicas for file in r.files)

    def secret_values(self) -> tuple[str, ...]:
        """Every value that no sink may show, longest first so that none hides inside another."""
        values = {r.env[name] for r in self.replicas for name in r.secrets}
        values |= {secret for r in self.replicas for secret in r.pod.secret_values}
        texts = [text for r in self.replicas for text in r.env.values()]
        texts += [i.fetch.uri for i in self.inputs if i.fetch]
        texts += [i.uri for i in self.inputs if i.kind == "libs"]
        values |= {password for text in texts for password in PASTED.findall(text)}
        values |= {secret for i in self.inputs if i.checkout for secret in i.checkout.secrets}
        for login in (r.login for r in self.replicas if r.login):
            values |= login.secrets
        return tuple(sorted(values, key=lambda value: (-len(value), value)))

    def to_json(self) -> dict[str, Any]:
        subnet = self.network.subnet
        return {
            "job_id": self.job_id,
            "display_name": self.display_name,
            "job_type": self.job_type,
            "success_policy": self.success_policy,
            "deadline_seconds": self.deadline_seconds,
            "grace_seconds": self.grace_seconds,
            "priority": self.priority,
            "restart_budget": self.restart_budget,
            "network": {"name": self.network.name, "subnet": str(subnet) if subnet else None},
            "inputs": [
                {"kind": i.kind, "uri": i.uri, "target": i.target, "read_only": i.read_only}
                for i in self.inputs
            ],
            "replicas": [r.to_json() for r in self.replicas],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        from localdlc.plan.text import as_text

        return as_text(self)
