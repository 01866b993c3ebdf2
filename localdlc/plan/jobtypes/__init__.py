"""The table of job types. One module each, all satisfying `JobType`; a new one is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from localdlc.plan.command import Script
from localdlc.plan.jobtypes import (
    data_juicer,
    elastic_batch,
    mpi,
    oneflow,
    pytorch,
    ray,
    slurm,
    tensorflow,
    xgboost,
)
from localdlc.plan.model import StartAfter
from localdlc.plan.replicas import Member, Role, Topology

if TYPE_CHECKING:
    from localdlc.spec.settings import JobSettings

__all__ = ["JOB_TYPES", "JobType"]


class JobType(Protocol):
    """What a job type decides; a module satisfies it."""

    def roles(self, asked: tuple[Role, ...], settings: JobSettings | None) -> tuple[Role, ...]:
        """The roles that will run, in rank order: promotion happens here."""
        ...

    def environment(self, member: Member, topology: Topology) -> dict[str, str]:
        """The variables that wire this member to its peers."""
        ...

    def script(self, member: Member, topology: Topology, user_command: str) -> Script:
        """What this member runs: UserCommand, alone or after other things, or something else."""
        ...

    def start_after(self, role: Role, topology: Topology) -> tuple[StartAfter, ...]:
        """Which roles must have been started before this one."""
        ...

    def decides(self, member: Member, topology: Topology, success_policy: str) -> bool:
        """Whether the job needs this member to end well in order to succeed."""
        ...

    def port(self, role: Role, settings: JobSettings | None) -> int | None:
        """Where a replica of the role answers when it is ready, as far as that is the type's."""
        ...

    def completed(self, job_id: str) -> str:
        """DLC's ReasonMessage when the job has succeeded."""
        ...


JOB_TYPES: dict[str, JobType] = {
    "PyTorchJob": pytorch,
    "TFJob": tensorflow,
    "XGBoostJob": xgboost,
    "OneFlowJob": oneflow,
    "ElasticBatchJob": elastic_batch,
    "RayJob": ray,
    "DataJuicerJob": data_juicer,
    "MPIJob": mpi,
    "SlurmJob": slurm,
}
