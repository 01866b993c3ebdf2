"""A plan as text: what a person reads before a run, and what the golden tests compare."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from localdlc.plan.ask import cores_text, gpus_text, size_text
from localdlc.plan.model import Fetch, Input, Plan, ReplicaPlan, Resources
from localdlc.plan.resources import ulimit_text
from localdlc.record.names import short

if TYPE_CHECKING:
    from localdlc.plan.pod import Pod
    from localdlc.plan.reservation import Reservation
    from localdlc.plan.restarts import Monitoring


def as_text(plan: Plan) -> str:
    replicas = (line for replica in plan.replicas for line in body(replica, plan.monitoring))
    return "\n".join([*head(plan), *replicas, *tail(plan)])


def head(plan: Plan) -> Iterator[str]:
    deadline = f"{plan.deadline_seconds:g} s" if plan.deadline_seconds else "none"
    deciders = ", ".join(f"{r.role}-{r.index}" for r in plan.replicas if r.decides)
    yield f"{plan.job_type} {plan.job_id} ({plan.display_name})"
    yield f"  succeeds when    {deciders} exit 0 ({plan.success_policy})"
    yield f"  deadline         {deadline}; grace {plan.grace_seconds:g} s"
    if plan.restart_budget:
        yield f"  restarts         {plan.restart_budget} at most"
    if plan.monitoring:
        yield f"  AIMaster         {monitoring_text(plan.monitoring)}"
    if plan.reserved:
        yield f"  held             {held_text(plan.reserved)}"
    if plan.replicas:
        yield f"  ulimits          {ulimits(plan.replicas[0].resources)}"
    yield f"  network          {plan.network.name} {plan.network.subnet or ''}".rstrip()
    for brought in plan.inputs:
        yield f"  {brought.kind:<16} {input_text(brought)}"


def monitoring_text(watched: Monitoring) -> str:
    who = "all replicas" if watched.together else "who fails"
    hang = (
        f"after {watched.silence:g} s without a line" if watched.silence else "none is looked for"
    )
    return f"restarts {who if watched.restarts else 'nothing'}; a hang: {hang}"


def held_text(reserved: Reservation) -> str:
    ends = {"success": reserved.succeeded, "failure": reserved.failed}
    after = " or ".join(end for end, holds in ends.items() if holds)
    return f"for {reserved.seconds:g} s after {after}"


def input_text(brought: Input) -> str:
    if brought.kind == "libs":
        return f"{brought.uri}, by pip in every replica"
    access = "read-only" if brought.read_only else "writable"
    as_it_is = ", as it is" if brought.kind == "code" else ""
    revision = f", {brought.checkout.revision}" if brought.checkout else as_it_is
    sample = fetch_text(brought.fetch) if brought.fetch else ""
    return f"{brought.uri} -> {brought.target} ({access}{revision}{sample})"


def fetch_text(fetch: Fetch) -> str:
    parts = (f"a sample of {fetch.sample}" if fetch.sample else "", *globs_text(fetch))
    return "".join(f", {part}" for part in ("fetched", *parts) if part)


def globs_text(fetch: Fetch) -> Iterator[str]:
    for word, globs in (("only", fetch.include), ("without", fetch.exclude)):
        if globs:
            yield f"{word} {' '.join(globs)}"


def body(replica: ReplicaPlan, watched: Monitoring | None) -> Iterator[str]:
    yield ""
    yield f"{replica.pod_id} {replica.ip or ''}".rstrip()
    yield f"  image            {replica.image}"
    # The last word of the command is the user's own text; what comes before it is how it is run.
    shell, text = (shlex.quote(replica.command[n]) for n in (0, -1))
    yield f"  command          {shell} -c {text}"
    yield f"  names            {', '.join((replica.hostname, *replica.aliases))}"
    for name, value in replica.shown_env().items():
        yield f"  env              {name}={value}"
    for mount in replica.mounts:
        access = "ro" if mount.read_only else "rw"
        yield f"  mount            {mount.source} -> {mount.target} ({access})"
    if asked := replica.resources.asked:
        yield f"  asks for         {asked}"
    yield f"  limits           {limits(replica.resources)}"
    for door in replica.doors:
        yield f"  answers at       127.0.0.1:{door.outside} for its port {door.inside}"
    yield from around(replica.pod)
    if replica.restart_policy != "Never" and not (watched and watched.restarts):
        yield f"  begins anew      {replica.restart_policy}"
    for upstream in replica.start_after:
        yield f"  starts after     {upstream}"


def around(pod: Pod) -> Iterator[str]:
    """What stands around the main container, and as whom that runs."""
    if pod.rights.user:
        yield f"  user             {pod.rights.user}"
    for side in pod.first:
        yield f"  before it        {side.name}, image {side.image}"
    for side in pod.beside:
        yield f"  beside it        {side.name}, image {side.image}"
    for when, hook in (("after its start", pod.after_start), ("before its end", pod.before_stop)):
        if hook:
            yield f"  {when:<16} {shlex.join(hook)}"


def limits(given: Resources) -> str:
    cpus = "all cores" if given.cpus is None else cores_text(given.cpus)
    memory = "all memory" if given.memory is None else f"{size_text(given.memory)} of memory"
    gpus = f", {gpus_text(given.gpu_count)}" if given.gpu_count else ""
    shm = "this machine's" if given.shm is None else f"{size_text(given.shm)} of"
    return f"{cpus}, {memory}, {shm} /dev/shm{gpus}"


def ulimits(given: Resources) -> str:
    """The same for all replicas: they are the engine's matter, not the request's."""
    return ", ".join(f"{name} {ulimit_text(name, n)}" for name, n in given.ulimits.items())


def tail(plan: Plan) -> Iterator[str]:
    if plan.notes or plan.faults:
        yield ""
    for fault in plan.faults:
        name = short(fault.pod_id, plan.job_id)
        yield f"fault {fault.text}: {name} {fault.words}"
    for note in plan.notes:
        yield f"note: {note}"
    if plan.fidelity:
        yield ""
        yield from (f"{treatment:<13} {what}" for treatment, what in plan.fidelity.words())
