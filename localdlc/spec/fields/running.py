"""What runs: the job, its replicas, their images, variables and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec.fields.row import Case, rows, under

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["TABLE"]


def led(request: CreateJobRequest) -> bool:
    """Whether the others are there for one replica to use them."""
    juicer = request.Settings.DataJuicerConfig if request.Settings else None
    spread = request.JobType == "DataJuicerJob" and juicer and juicer.ExecutionMode == "distributed"
    return request.JobType in {"MPIJob", "RayJob", "SlurmJob"} or bool(spread)


TABLE = [
    *rows("honoured", "shown wherever the job is", "DisplayName"),
    *rows("honoured", "`localdlc list --label` finds the job by them", "Settings.Tags"),
    *rows(
        "honoured",
        "chooses the roles, the variables and the rule of success",
        "JobType",
        cases=(
            Case(
                "MPIJob",
                lambda _, value: value == "MPIJob",
                "approximated",
                "DLC documents its roles only; hostfile and variables are KubeDL's, ssh is ours",
            ),
            Case(
                "SlurmJob",
                lambda _, value: value == "SlurmJob",
                "approximated",
                "DLC documents no more than its name: all replicas are nodes of one Slurm, and the"
                " first runs UserCommand",
            ),
        ),
    ),
    *rows("honoured", "one container a replica", *under("JobSpecs[]", "Type PodCount Image")),
    *rows(
        "honoured",
        "run by a shell in every replica; a role's own goes first",
        "UserCommand",
        cases=(
            Case(
                "of a job that one replica leads",
                lambda request, _: led(request),
                "honoured",
                "run by a shell in the first replica, which leads the others",
            ),
        ),
    ),
    *rows(
        "honoured",
        "goes before the job's in the replicas of the role",
        "JobSpecs[].UserCommand",
        cases=(
            Case(
                "of a job that one replica leads",
                lambda request, _: led(request),
                "approximated",
                "a leader's is the job's; others run theirs beside their ssh server or Slurm node,"
                " or before they join the Ray",
            ),
        ),
    ),
    *rows(
        "honoured",
        "used to pull the image, and never shown",
        *under("JobSpecs[].ImageConfig", "DockerRegistry Username Password Auth"),
    ),
    *rows("honoured", "set in every replica", "Envs", *under("CustomEnvs[]", "Key Value")),
    *rows(
        "honoured", "a value is shown if this is public, and masked if not", "CustomEnvs[].Visible"
    ),
    *rows("honoured", "runs the UserCommand", "Settings.Shell"),
    *rows(
        "approximated",
        "a limit of the container; where all ask for more than this machine has, a share of it",
        *under("JobSpecs[].ResourceConfig", "CPU Memory SharedMemory"),
    ),
    *rows(
        "honoured",
        "each replica has GPUs of this machine for itself; --gpus says what is done with too few",
        "JobSpecs[].ResourceConfig.GPU",
    ),
    *rows(
        "approximated",
        "replicas get the GPUs of this machine; a note says where these are others",
        "JobSpecs[].ResourceConfig.GPUType",
    ),
    *rows("refused", "job templates are the cloud's; write the job out", "TemplateId"),
    *rows("ignored", "only counts with a TemplateId", "TemplateVersion"),
    *rows(
        "approximated",
        "its cores and memory are limits of the container, its GPUs are this machine's; where all"
        " ask for more cores or memory than there are, a share of it",
        "JobSpecs[].EcsSpec",
    ),
    *rows(
        "honoured",
        "standalone in every replica, distributed on a Ray of all; UserCommand is shell or YAML",
        *under("Settings.DataJuicerConfig", "ExecutionMode CommandType"),
        cases=(
            Case(
                "of another type of job",
                lambda request, _: request.JobType != "DataJuicerJob",
                "ignored",
                "has an effect on a DataJuicerJob only",
            ),
        ),
    ),
    *rows(
        "ignored",
        "replicas get what their role asks for; nothing is estimated",
        "Settings.DataJuicerConfig.EnableResourceEstimation",
        *under("Settings.DataJuicerConfig.ResourceLimit", "CPU GPU Memory"),
    ),
]
