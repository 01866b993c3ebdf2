"""MPIJob: a Master that runs UserCommand, and Workers that it reaches by ssh.

Facts: paths, variables and the form of the hostfile are those of KubeDL and of the MPI operator;
ssh because DLC explains exit code 255 as its error. DLC's own page gives no more than the roles.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from localdlc.plan.command import Script
from localdlc.plan.files import File
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology, own_command, promote_first
from localdlc.plan.ssh import AGENT, CALL, serve, ssh_files, until_reached

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

SSH_PORT = 22
LEADERS = ("Master", "Launcher")
# Open MPI's form, and the one of MPICH and of Intel's library, which both start by Hydra.
HOSTFILE = "/etc/mpi/hostfile"
MACHINEFILE = "/etc/mpi/machinefile"


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """The Master, also as Launcher, then the Workers. Without it the first Worker is it."""
    led = any(role.type in LEADERS for role in asked)
    promoted = asked if led else promote_first(asked, "Worker", "Master")
    return tuple(sorted(promoted, key=lambda role: role.type not in LEADERS))


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """The launcher's alone: how to reach the others, and where they are listed.

    Open MPI 5 reads PRTE's names, and all before it the others. Intel's library reads no number of
    slots from a file.
    """
    if not leads(member):
        return {}
    _, most = max(slots(topology), key=lambda listed: listed[1])
    return {
        "OMPI_MCA_plm_rsh_agent": AGENT,
        "OMPI_MCA_orte_default_hostfile": HOSTFILE,
        "PRTE_MCA_plm_ssh_agent": AGENT,
        "PRTE_MCA_prte_default_hostfile": HOSTFILE,
        "HYDRA_LAUNCHER": "ssh",
        "HYDRA_LAUNCHER_EXEC": AGENT,
        "HYDRA_HOST_FILE": MACHINEFILE,
        "I_MPI_HYDRA_BOOTSTRAP": "ssh",
        "I_MPI_HYDRA_BOOTSTRAP_EXEC": AGENT,
        "I_MPI_HYDRA_HOST_FILE": MACHINEFILE,
        "I_MPI_PERHOST": str(most),
    }


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """The Master runs UserCommand when every Worker accepts ssh; they serve it until the end.

    Beside that they run what their role says; KubeDL's idle only where it says nothing.
    """
    files = (*ssh_files(topology.job_id), *hostfiles(topology))
    if not leads(member):
        return replace(serve(own_command(member, topology)), files=files)
    if len(topology.members) == 1:
        return Script(user_command, files=files)
    workers = [peer.pod_id for peer in topology.members if not leads(peer)]
    return Script(user_command, CALL + until_reached(workers), files)


def hostfiles(topology: Topology) -> tuple[File, ...]:
    return (
        File(HOSTFILE, "".join(f"{host} slots={n}\n" for host, n in slots(topology))),
        File(MACHINEFILE, "".join(f"{host}:{n}\n" for host, n in slots(topology))),
    )


def slots(topology: Topology) -> list[tuple[str, int]]:
    """One slot a process: one a GPU, or one. The Master is listed only where nobody else is."""
    workers = tuple(peer for peer in topology.members if not leads(peer))
    return [(peer.pod_id, topology.processes(peer.role)) for peer in workers or topology.members]


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """The Master after all Workers, as KubeDL's DAG has it."""
    awaited = role.type in LEADERS and topology.has("Worker")
    return (StartAfter("worker"),) if awaited else ()


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """The verdict is UserCommand's, which the Master runs."""
    return leads(member)


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The ssh server of a Worker."""
    return None if role.type in LEADERS else SSH_PORT


def completed(job_id: str) -> str:
    return f"MPIJob {job_id} has successfully completed."


def leads(member: Member) -> bool:
    return member.role.type in LEADERS
