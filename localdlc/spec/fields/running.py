"""What runs: the job, its replicas, their images, variables and limits."""

from __future__ import annotations

from localdlc.spec.fields.row import Case, rows, under
from localdlc.spec.instances import instance_of

__all__ = ["TABLE"]


def has_gpus(instance_type: str) -> bool:
    """Say whether it has any, or a part of one."""
    found = instance_of(instance_type)
    return found is not None and found.gpus > 0


TABLE = [
    *rows("honoured", "shown wherever the job is", "DisplayName"),
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
        "JobSpecs[].UserCommand",
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
        "0 is what every replica gets",
        "JobSpecs[].ResourceConfig.GPU",
        cases=(
            Case(
                "more than 0",
                lambda _, value: value.strip("0") != "",
                "refused",
                "GPUs are not emulated yet; ask for none with --set '{path}=\"0\"'",
            ),
        ),
    ),
    *rows("refused", "job templates are the cloud's; write the job out", "TemplateId"),
    *rows("ignored", "only counts with a TemplateId", "TemplateVersion"),
    *rows(
        "approximated",
        "its cores and memory are limits of the container; where all ask for more than this machine"
        " has, a share of it",
        "JobSpecs[].EcsSpec",
        cases=(
            Case(
                "with GPUs",
                lambda _, value: has_gpus(value),
                "refused",
                "GPUs are not emulated yet; take a type without, as with"
                " --set '{path}=ecs.g6.xlarge'",
            ),
        ),
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
