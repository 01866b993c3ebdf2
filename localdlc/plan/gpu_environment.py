"""The variables by which a replica's libraries find its GPUs and each other's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from localdlc.plan.ask import ask_of

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.plan.replicas import Member, Role, Topology
    from localdlc.spec.request import CreateJobRequest

__all__ = ["check", "nccl_told", "told", "wired"]

# The one network of a replica, by the name that every engine gives it.
INTERFACE = "eth0"
WRITTEN = re.compile(r"--nproc[_-]per[_-]node[= ](\d+)")

# Ahead of everything that the replica runs. An engine that is asked for some GPUs may give others,
# all or none, without a word. By CDI the variable is `void`, and that is right.
CHECK = """\
[ -z "${{LOCALDLC_GPUS-}}" ] || (
  unlike() {{ echo "localdlc: this replica is to have $LOCALDLC_GPUS, but $1" >&2; exit 1; }}
  IFS=, seen=; set -f; set -- $LOCALDLC_GPUS; set +f
  if command -v nvidia-smi >/dev/null 2>&1; then
    seen=yes kind=GPU-
    case "$1" in MIG-*) kind=MIG- ;; esac
    listed=$(nvidia-smi -L 2>&1) || unlike "nvidia-smi says: $listed"
    found=$(printf '%s\\n' "$listed" | grep -c "UUID: $kind")
    [ "$found" = $# ] || unlike "nvidia-smi lists $listed"
    for id; do
      case "$listed" in *"UUID: $id)"*) ;; *) unlike "nvidia-smi lists $listed" ;; esac
    done
  elif [ -e /dev/nvidiactl ]; then
    seen=yes
    found=$(ls -d /dev/nvidia[0-9]* 2>/dev/null | grep -c .)
    case "$1" in MIG-*) found=$# ;; esac
    [ "$found" = $# ] || unlike "its /dev has $found of this machine's"
  fi
  case "${{NVIDIA_VISIBLE_DEVICES-}}" in
    "$LOCALDLC_GPUS" | void) {alone} ;;
    "") unlike "the engine has given it none" ;;
    *) unlike "NVIDIA_VISIBLE_DEVICES is $NVIDIA_VISIBLE_DEVICES" ;;
  esac
) || exit $?
unset LOCALDLC_GPUS
"""


def wired(
    member: Member,
    topology: Topology,
    config: Config,
    users: dict[str, str],
    injected: dict[str, str],
) -> tuple[dict[str, str], dict[str, str], str]:
    """The variables of a replica that asks for GPUs, the request's and ours, and its `check`."""
    ours = defaults(member, topology, config)
    own = {name: value for name, value in ours.items() if name not in users}
    observed = topology.host.gpus is not None and topology.host.gpus.observed
    lines = check(observed=observed) if member.role.gpus else ""
    return fitted(users, member, topology), {**own, **injected}, lines


def check(*, observed: bool) -> str:
    """Shell lines that end a replica whose GPUs are not those that it is to have.

    Where somebody wrote down which there are, the engine's word is taken for it.
    """
    alone = '[ -n "$seen" ] || unlike "there is neither nvidia-smi nor /dev/nvidiactl in it"'
    return CHECK.format(alone=alone if observed else "")


def defaults(member: Member, topology: Topology, config: Config) -> dict[str, str]:
    """What the request may say otherwise.

    Nodes have no memory in common, and NCCL takes two containers of one machine for two hosts by
    their names alone; NCCL_HOSTID settles it. There is no InfiniBand in a container.
    """
    if not member.role.gpus:
        if not ask_of(member.role.spec).gpus:
            return {}
        return {
            "CUDA_VISIBLE_DEVICES": "",
            "GLOO_SOCKET_IFNAME": INTERFACE,
            "TP_SOCKET_IFNAME": INTERFACE,
        }
    common = {"NCCL_IB_DISABLE": "1", "NCCL_SOCKET_IFNAME": INTERFACE}
    if config.nccl == "same-host":
        # Its newer way to share memory passes file handles along, which stay in their network.
        return {**common, "NCCL_HOSTID": topology.job_id, "NCCL_CUMEM_HOST_ENABLE": "0"}
    return {**common, "NCCL_HOSTID": member.pod_id}


def fitted(users: dict[str, str], member: Member, topology: Topology) -> dict[str, str]:
    """The request's NPROC_PER_NODE gives way where it was made for other GPUs, or to --nproc."""
    role = member.role
    changed = topology.nproc or role.gpus != ask_of(role.spec).gpus
    if "NPROC_PER_NODE" not in users or not changed:
        return users
    return {**users, "NPROC_PER_NODE": str(topology.processes(role))}


def nccl_told(roles: Iterable[Role], config: Config) -> Iterator[str]:
    """What NCCL will use, where it has anything to do."""
    roles = [role for role in roles if role.gpus]
    inside = "NVLink or PCIe" if any(role.gpus > 1 for role in roles) else ""
    if sum(role.count for role in roles) > 1:
        between = {
            "isolated": "TCP over eth0 between replicas, as between nodes",
            "same-host": "shared memory between replicas, in this machine's /dev/shm",
        }[config.nccl]
        other = {
            "isolated": "--nccl same-host is faster",
            "same-host": "each sees its own GPUs only, so there is no NVLink between them",
        }[config.nccl]
        within = f"; {inside} inside one" if inside else ""
        yield f"NCCL: {between} ({other}){within}."
    elif inside:
        yield f"NCCL: {inside} inside the replica."


def told(request: CreateJobRequest, users: dict[str, str], topology: Topology) -> Iterator[str]:
    """What of the request does not go with the GPUs here."""
    first = {member.role.type: member for member in topology.members}
    for name, member in first.items():
        role, processes = member.role, topology.processes(member.role)
        if not ask_of(role.spec).gpus:
            continue
        mine = users.get("NPROC_PER_NODE")
        if mine and fitted(users, member, topology)["NPROC_PER_NODE"] != mine:
            yield f"NPROC_PER_NODE: {processes} in each {name}, where the request has {mine}."
        command = role.spec.UserCommand or request.UserCommand or ""
        for count in dict.fromkeys(WRITTEN.findall(command)):
            if int(count) != processes:
                yield (
                    f"UserCommand starts {count} processes in each {name}, which is for "
                    f"{processes}: write --nproc_per_node=$NPROC_PER_NODE."
                )
