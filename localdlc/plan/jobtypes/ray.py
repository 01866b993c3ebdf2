"""RayJob: a Head that runs UserCommand, and groups of Workers that its tasks land on.

Facts: variables, ports and flags are KubeRay's; the roles are in DLC's SDK text, which says nothing
of the rest.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from localdlc.plan.ask import ask_of
from localdlc.plan.command import Script
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology, own_command, promote_first

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

PORT = 6379
DASHBOARD_PORT = 8265
COMMON = "--metrics-export-port=8080 --dashboard-agent-listen-port=52365 --log-color=false"

PREPARE = """\
if ! command -v ray >/dev/null; then
  echo "the image has no ray: install the package ray in it, or name another Image" >&2
  exit 127
fi
"""

# It says in thirty lines how to go on, in the log of somebody who has gone on.
START_HEAD = """\
{start} >/tmp/ray-start.log 2>&1 || {{ code=$?; cat /tmp/ray-start.log >&2; exit $code; }}
python3 - <<'PYTHON' || exit $?
{wait}PYTHON
"""

# Not `ray status` over and over: it loads Ray anew each time, 2 s of a core.
WAIT = """\
import logging, time, ray
ray.init(address="127.0.0.1:{port}", log_to_driver=False, logging_level=logging.ERROR)
def alive(): return sum(node["Alive"] for node in ray.nodes())
while alive() < {nodes}: time.sleep(0.2)
print("Ray has its {nodes} nodes", flush=True)
"""

# As KubeRay's init container does: libraries may keep the Head from starting for a while. To drain
# a node is to ask the Head, which is gone when the job has ended: it takes all of the grace period.
AWAIT_HEAD = """\
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S="${{RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S:-0}}"
until ray health-check --address {address} >/dev/null 2>&1; do sleep 0.5; done
"""


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """The Head, then the groups as they come. Without a Head the first Worker is it."""
    names = [role.type for role in asked]
    promoted = promote_first(asked, "Worker" if "Worker" in names else names[0], "Head")
    return tuple(sorted(promoted, key=lambda role: role.type != "Head"))


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """KubeRay's variables; a Worker reaches the Head by a name, the Head itself by loopback."""
    wiring = {
        "RAY_CLUSTER_NAME": topology.job_id,
        "RAY_CLUSTER_NAMESPACE": topology.namespace,
        "RAY_CLOUD_INSTANCE_ID": member.pod_id,
        "RAY_NODE_TYPE_NAME": member.role.name,
        "RAY_PORT": str(PORT),
        "RAY_ADDRESS": address(member, topology),
        "KUBERAY_GEN_RAY_START_CMD": start(member, topology),
        "RAY_USAGE_STATS_KUBERAY_IN_USE": "1",
        # The cluster of a try-out is nothing to tell the makers of Ray about.
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    if leads(member):
        return wiring
    head = topology.of("Head")[0].pod_id
    return wiring | {"FQ_RAY_IP": f"{head}.{topology.namespace}.svc", "RAY_IP": head}


def address(member: Member, topology: Topology) -> str:
    host = "127.0.0.1" if leads(member) else topology.of("Head")[0].pod_id
    return f"{host}:{PORT}"


def start(member: Member, topology: Topology) -> str:
    has = cpus_of(member.role) + gpus_of(member.role)
    if leads(member):
        return f"ray start --head --port={PORT} --dashboard-host=0.0.0.0{has} {COMMON}"
    return f"ray start --address={address(member, topology)}{has} {COMMON} --block"


def cpus_of(role: Role) -> str:
    """What the replica asks for, rounded up, as KubeRay has it.

    Ray itself would see the share that it is given, and takes a part of a core for none at all.
    """
    asked = ask_of(role.spec).cpus
    return "" if asked is None else f" --num-cpus={ceil(asked)}"


def gpus_of(role: Role) -> str:
    """Those that the replica sees, as KubeRay has it."""
    return f" --num-gpus={ceil(role.gpus)}" if role.gpus else ""


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """The Head runs UserCommand once all nodes are there; a Worker is a node until it is ended.

    What a group of Workers says comes before that and must end well, as KubeRay has it.
    """
    begin = start(member, topology)
    if leads(member):
        wait = WAIT.format(port=PORT, nodes=len(topology.members))
        prologue = PREPARE + START_HEAD.format(start=begin, wait=wait)
        return Script(user_command, prologue, dashboard=DASHBOARD_PORT)
    own = own_command(member, topology)
    text = f"{{\n{own}\n}} && {begin}" if own else begin
    return Script(text, PREPARE + AWAIT_HEAD.format(address=address(member, topology)))


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """Workers after the Head."""
    return () if role.type == "Head" else (StartAfter("head"),)


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """The verdict is UserCommand's, which the Head runs."""
    return leads(member)


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The Head's, where nodes join."""
    return PORT if role.type == "Head" else None


def completed(job_id: str) -> str:
    return f"RayJob {job_id} is successfully completed."


def leads(member: Member) -> bool:
    return member.role.type == "Head"
