"""SlurmJob: a Slurm cluster of all replicas, and UserCommand on the first when all are idle.

DLC documents nothing of it but its name; all here is Slurm's own way. Its settings are those that
run in plain containers: without cgroups, without accounting.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from localdlc.plan.command import Script
from localdlc.plan.files import PRIVATE, File
from localdlc.plan.replicas import Member, Role, Topology, own_command
from localdlc.plan.resources import shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.plan.model import StartAfter
    from localdlc.spec.settings import JobSettings

SLURMD_PORT = 6818
CONF = "/etc/slurm/slurm.conf"
KEY = "/etc/slurm/munge.key"
# Slurm runs batch scripts from here, and nothing can be run from /dev/shm.
SPOOL = "/var/spool/slurmd"
# Libraries are installed before a node is up, and that may take its time.
PATIENCE = 600

# Below fatal, each slurmd of Debian complains in the replica's log of PMIx, which it cannot load.
SETTINGS = """\
ClusterName={job_id}
SlurmctldHost={controller}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation={private}/slurmctld
SlurmctldPidFile={private}/slurmctld.pid
SlurmctldLogFile={private}/slurmctld.log
SlurmctldDebug=error
SlurmdSpoolDir={spool}
SlurmdPidFile={private}/slurmd.pid
SlurmdDebug=fatal
{nodes}
PartitionName=local Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# munged wants a key and folders that are its own.
MUNGE = f"""\
PATH="$PATH:/usr/sbin:/usr/local/sbin"
for program in munged slurmctld slurmd srun; do
  command -v $program >/dev/null && continue
  echo "localdlc: this image has no $program, and a SlurmJob is a Slurm cluster of its replicas." \\
    "Install slurm-wlm and munge (Debian, Ubuntu) in it." >&2
  exit 127
done
[ "$(id -u)" = 0 ] || {{ echo "localdlc: Slurm needs an image whose user is root" >&2; exit 1; }}
(umask 077 && mkdir -p {PRIVATE}/slurmctld {SPOOL} && cat {KEY} >{PRIVATE}/munge.key) || exit $?
mkdir -p /run/munge && chown 0:0 /run/munge && chmod 755 /run/munge || exit $?
munged --key-file={PRIVATE}/munge.key --seed-file={PRIVATE}/munge.seed \\
  --pid-file={PRIVATE}/munge.pid --log-file={PRIVATE}/munge.log || exit $?
"""

LEAD = """\
slurmctld && slurmd -L {private}/slurmd.log || {{ cat {private}/*.log >&2; exit 1; }}
(
  end=$(($(date +%s) + {patience}))
  until [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -eq {nodes} ]; do
    [ "$(date +%s)" -lt "$end" ] || {{
      echo "localdlc: after {patience} s not all {nodes} nodes of Slurm are idle:" >&2
      sinfo -N -l >&2
      cat {private}/*.log >&2
      exit 1
    }}
    sleep 0.2
  done
) || exit $?
"""


def roles(asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
    """A Master first, if there is one; else as they come."""
    return tuple(sorted(asked, key=lambda role: role.type != "Master"))


def environment(member: Member, topology: Topology) -> dict[str, str]:
    """Where Slurm's programs find their cluster, wherever the image's own look."""
    return {"SLURM_CONF": CONF}


def script(member: Member, topology: Topology, user_command: str) -> Script:
    """The first replica controls the cluster and runs UserCommand; all of them are its nodes.

    What another role says runs beside its node.
    """
    files = (File(CONF, configuration(topology)), File(KEY, made="munge-key"))
    if not leads(member, topology):
        own = own_command(member, topology)
        beside = f"{MUNGE}slurmd -L {PRIVATE}/slurmd.log || exit $?\n"
        return Script(own, beside, files) if own else Script("slurmd -D", MUNGE, files)
    lead = LEAD.format(private=PRIVATE, patience=PATIENCE, nodes=len(topology.members))
    return Script(user_command, MUNGE + lead, files)


def configuration(topology: Topology) -> str:
    """slurm.conf, the same for all replicas."""
    return SETTINGS.format(
        job_id=topology.job_id,
        controller=topology.members[0].pod_id,
        private=PRIVATE,
        spool=SPOOL,
        nodes="\n".join(nodes(topology)),
    )


def nodes(topology: Topology) -> Iterator[str]:
    """A node has the cores and the memory that its replica is given, else all of this machine."""
    host = topology.host
    given = shares({member.role.type: member.role for member in topology.members}.values(), host)
    for member in topology.members:
        its = given.of[member.role.type]
        cores, memory = ceil(its.cpus or host.cpus), (its.memory or host.memory) >> 20
        yield f"NodeName={member.pod_id} CPUs={cores} RealMemory={memory}"


def start_after(role: Role, topology: Topology) -> tuple[StartAfter, ...]:
    """All at once: a node asks for its controller until that answers."""
    return ()


def decides(member: Member, topology: Topology, success_policy: str) -> bool:
    """The verdict is UserCommand's, which the first replica runs."""
    return leads(member, topology)


def port(role: Role, settings: JobSettings | None) -> int | None:
    """The daemon of every node."""
    return SLURMD_PORT


def completed(job_id: str) -> str:
    return f"SlurmJob {job_id} is successfully completed."


def leads(member: Member, topology: Topology) -> bool:
    return member == topology.members[0]
