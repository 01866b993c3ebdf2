"""`build_plan`: a checked request becomes a `Plan`. Pure: the same arguments, the same plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from localdlc.plan.ask import ask_of
from localdlc.plan.command import Script, command
from localdlc.plan.environment import (
    combined,
    injected_variables,
    losers,
    overridden,
    users_variables,
)
from localdlc.plan.extras import pod_of
from localdlc.plan.faults import faults
from localdlc.plan.files import mounts
from localdlc.plan.injection import GATE, Injection, injection
from localdlc.plan.inputs import inputs
from localdlc.plan.jobtypes import JOB_TYPES, JobType
from localdlc.plan.libraries import libraries, prologue, requirements_file, with_wheels
from localdlc.plan.model import Door, Input, Login, Mount, Network, Plan, ReplicaPlan, Resources
from localdlc.plan.replicas import Member, Role, Topology, aliases, members_of, roles_of
from localdlc.plan.reservation import HOLD, Reservation, reservation
from localdlc.plan.resources import Host, Shares, shares
from localdlc.plan.restarts import budget, monitoring, monitoring_notes, restart_notes
from localdlc.plan.sharing import ended_before
from localdlc.plan.startup import start_after
from localdlc.plan.success import counts, decides

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.plan.gpu_policy import Granted
    from localdlc.spec.request import CreateJobRequest

# The cloud leaves it to Kubernetes (30 s); somebody at a terminal does not wait that long.
DEFAULT_GRACE = 10.0
DEFAULT_POLICY = "AllWorkers"


def build_plan(request: CreateJobRequest, config: Config, job_id: str, host: Host) -> Plan:
    """Decides everything about a job. Takes a request that `check` has passed.

    Raises `UsageError` for a fault that cannot be rehearsed,
    `InputError` when neither request nor config knows where a data or code source is, and
    `ResourceError` when the machine has too little and nobody is to have less than they ask for.
    """
    job_type = JOB_TYPES[request.JobType or ""]
    roles = job_type.roles(roles_of(request.JobSpecs or ()), request.Settings)
    gpus = granted(roles, config, host)
    roles, host = (gpus.roles, gpus.on(host)) if gpus else (roles, host)
    members = members_of(job_id, roles)
    topology = Topology(job_id, config.namespace, members, host, request.Settings, config.nproc)
    brought, notes = inputs(request, config, job_id)
    given = given_to(roles, topology, job_type, exact=config.resources == "exact")
    users, secrets = users_variables(request)
    asked, held = injection(request, config, job_id), reservation(request, config, job_id)
    common = Common(request, config, job_type, topology, brought, users, secrets, asked, held)
    replicas = tuple(
        replica(member, given.of[member.role.type], common) for member in topology.members
    )
    replicas = with_wheels(request, replicas, config.job_folder(job_id))
    plan = Plan(
        job_id=job_id,
        display_name=request.DisplayName or "",
        job_type=request.JobType or "",
        success_policy=common.policy,
        deadline_seconds=deadline(request, config),
        grace_seconds=grace(request, config),
        network=Network(f"localdlc-{job_id}"),
        inputs=brought,
        replicas=replicas,
        libraries=libraries(request, replicas),
        notes=(
            *notes,
            *(asked.notes if asked else ()),
            *given.notes,
            *overridden(users, replicas),
            *(gpus.told(request, config, topology, replicas[0]) if gpus else ()),
            *doors_told(replicas, config),
            *monitoring_notes(request),
            *restart_notes(replicas),
            *time_told(config),
        ),
        completed_message=job_type.completed(job_id),
        injection=asked,
        monitoring=monitoring(request, config.time_scale),
        reserved=held,
        faults=faults(config.fault, job_id, [each.pod_id for each in replicas]),
        sanity_check=bool(request.Settings and request.Settings.EnableSanityCheck),
        priority=request.Priority or 1,
        pool=gpus.pool if gpus else None,
    )
    return replace(plan, restart_budget=budget(plan))


def granted(roles: tuple[Role, ...], config: Config, host: Host) -> Granted | None:
    """What becomes of the GPUs that the job asks for; None when it asks for none."""
    if not any(role.gpus for role in roles):
        return None
    from localdlc.plan.gpu_policy import granted

    return granted(roles, config, host.gpus)


def given_to(
    roles: tuple[Role, ...], topology: Topology, job_type: JobType, *, exact: bool
) -> Shares:
    """What the replicas of each role are given; ``exact``: all that they ask for, or an error."""
    waits = {role.name: start_after(role, topology, job_type) for role in roles}
    before = ended_before(waits, {role.name: role.count for role in roles})
    given = shares(roles, topology.host, before)
    return given.exactly() if exact else given


def time_told(config: Config) -> Iterator[str]:
    if config.time_scale != 1:
        yield f"--time-scale {config.time_scale:g}: a minute takes {60 / config.time_scale:g} s."


def deadline(request: CreateJobRequest, config: Config) -> float | None:
    """Seconds; where time is scaled a minute of the request is shorter."""
    return 60 * (request.JobMaxRunningTimeMinutes or 0) / config.time_scale or None


def grace(request: CreateJobRequest, config: Config) -> float:
    """Seconds between SIGTERM and SIGKILL: the user's here, else the request's, else ours."""
    if config.grace is not None:
        return config.grace
    asked = request.Settings.TerminationGracePeriodSeconds if request.Settings else None
    return DEFAULT_GRACE if asked is None else float(asked)


@dataclass(frozen=True, slots=True)
class Common:
    """What is the same for all replicas of a job.

    ``users`` are the request's variables, ``secrets`` the names of those that no sink may show.
    """

    request: CreateJobRequest
    config: Config
    job_type: JobType
    topology: Topology
    brought: tuple[Input, ...]
    users: dict[str, str]
    secrets: frozenset[str]
    asked: Injection | None
    held: Reservation | None

    @property
    def policy(self) -> str:
        return self.request.SuccessPolicy or DEFAULT_POLICY

    @property
    def folder(self) -> Path:
        """The job's."""
        return self.config.job_folder(self.topology.job_id)


def replica(member: Member, resources: Resources, common: Common) -> ReplicaPlan:
    """One member, fully spelled."""
    request, config, topology = common.request, common.config, common.topology
    job_type, spec = common.job_type, member.role.spec
    wiring = job_type.environment(member, topology)
    injected = injected_variables(topology.job_id, wiring, ceil(member.role.gpus))
    users, injected, check = with_gpus(member, topology, config, common.users, injected)
    script = job_type.script(member, topology, spec.UserCommand or request.UserCommand or "")
    image = spec.Image or ""
    shared = common.folder / "shared" / member.pod_id
    pod = pod_of(spec.ExtraPodSpec, config.image_map, shared, topology.host)
    return ReplicaPlan(
        pod_id=member.pod_id,
        role=member.role.name,
        role_type=member.role.type,
        index=member.index,
        hostname=member.pod_id,
        aliases=aliases(member, topology),
        image=config.image_map.get(image, image),
        command=command(
            script.text,
            shell=request.Settings.Shell if request.Settings else None,
            prologue=(HOLD if common.held else "")
            + check
            + prologue(bool(request.ThirdpartyLibs), requirements_file(request))
            + script.prologue,
            gate=GATE if common.asked else "",
        ),
        env=combined(users, injected),
        mounts=(
            *(mount(i) for i in common.brought if i.source and i.role in {"", spec.Type}),
            *((common.asked.mount(member.pod_id),) if common.asked else ()),
            *((common.held.mount,) if common.held else ()),
            *pod.shared,
            *mounts(script.files, common.folder / "files" / member.pod_id),
        ),
        resources=resources,
        start_after=start_after(member.role, topology, job_type),
        restart_policy=spec.RestartPolicy or "Never",
        decides=decides(member, topology, job_type, common.policy),
        counts=counts(member, common.policy),
        injected=frozenset(injected),
        secrets=common.secrets - losers(users, injected),
        login=login(member.role),
        doors=doors(script, config),
        pod=pod,
        files=script.files,
    )


def with_gpus(
    member: Member,
    topology: Topology,
    config: Config,
    users: dict[str, str],
    injected: dict[str, str],
) -> tuple[dict[str, str], dict[str, str], str]:
    """Both kinds of variables where GPUs are asked for, and a check of what the replica has."""
    if not ask_of(member.role.spec).gpus:
        return users, injected, ""
    from localdlc.plan.gpu_environment import wired

    return wired(member, topology, config, users, injected)


def mount(brought: Input) -> Mount:
    """Fetched data that may be written has a layer: what is in the cache stays as it was fetched.

    ``jobs/<JobId>/data/<n>`` is written to in ``jobs/<JobId>/layers/<n>``.
    """
    layered = brought.fetch and not brought.read_only
    place = PurePath(brought.source)
    layer = str(place.parents[1] / "layers" / place.name) if layered else ""
    return Mount(brought.source, brought.target, brought.read_only, layer)


def doors(script: Script, config: Config) -> tuple[Door, ...]:
    """The dashboard, when there is one and somebody wants to see it."""
    if config.dashboard is None or script.dashboard is None:
        return ()
    return (Door(script.dashboard, config.dashboard),)


def doors_told(replicas: tuple[ReplicaPlan, ...], config: Config) -> Iterator[str]:
    """Where the dashboard will be, or that this type of job has none."""
    found = [(r, door) for r in replicas for door in r.doors]
    for replica, door in found:
        name = f"{replica.role}-{replica.index}"
        yield f"the dashboard of {name} answers at http://127.0.0.1:{door.outside}."
    if config.dashboard is not None and not found:
        yield "--dashboard: this type of job has none."


def login(role: Role) -> Login | None:
    """Registry credentials of the role's ImageConfig."""
    asked = role.spec.ImageConfig
    if asked is None:
        return None
    return Login(asked.DockerRegistry, asked.Username, asked.Password, asked.Auth)
