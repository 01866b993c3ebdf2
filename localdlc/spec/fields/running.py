"""What runs: replicas, their images and limits, and how a job ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.fields.row import Case, rows, under

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["TABLE"]

NOT_YET = "{path} is not emulated yet; remove it"


def is_true(_: CreateJobRequest, value: Any) -> bool:
    return value is True


TABLE = [
    *rows("honoured", "shown wherever the job is", "DisplayName"),
    *rows(
        "honoured",
        "chooses the roles, the variables and the rule of success",
        "JobType",
        cases=(
            Case(
                lambda _, value: value == "MPIJob",
                "approximated",
                "DLC documents its roles only; hostfile and variables are KubeDL's, ssh is ours",
            ),
            Case(
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
    *rows(
        "honoured",
        "decides which replicas must end well",
        "SuccessPolicy",
        cases=(
            Case(
                lambda _, value: value == "Partial",
                "refused",
                "SuccessPolicy Partial is not emulated yet; set it to AllWorkers or ChiefWorker",
            ),
            Case(
                lambda request, _: request.JobType != "TFJob",
                "approximated",
                "has an effect on a TFJob only; any other type has a rule of its own",
            ),
        ),
    ),
    *rows("honoured", "runs the UserCommand", "Settings.Shell"),
    *rows(
        "honoured",
        "the time a replica has to stop before it is killed",
        "Settings.TerminationGracePeriodSeconds",
    ),
    *rows(
        "honoured", "counts from Running; a job beyond it has failed", "JobMaxRunningTimeMinutes"
    ),
    *rows(
        "approximated",
        "a limit of the container, at most what this machine has",
        *under("JobSpecs[].ResourceConfig", "CPU Memory SharedMemory"),
    ),
    *rows(
        "honoured",
        "0 is what every replica gets",
        "JobSpecs[].ResourceConfig.GPU",
        cases=(
            Case(
                lambda _, value: value.strip("0") != "",
                "refused",
                "GPUs are not emulated yet; ask for none with --set '{path}=\"0\"'",
            ),
        ),
    ),
    *rows(
        "approximated",
        "taken as Never: no replica is restarted yet",
        "JobSpecs[].RestartPolicy",
        cases=(Case(lambda _, value: value == "Never", "honoured", "no replica is restarted"),),
    ),
    *rows(
        "refused",
        NOT_YET,
        *under("JobSpecs[].ExtraPodSpec", "InitContainers SideCarContainers Lifecycle"),
        *under("JobSpecs[].ExtraPodSpec", "SharedVolumeMountPaths MainContainerSecurityContext"),
        "JobSpecs[].StartupDependencies",
        "TemplateId",
    ),
    *rows(
        "ignored",
        "false changes nothing",
        *under("JobSpecs[]", "IsChief IsCheif"),
        cases=(
            Case(is_true, "refused", "{path} is not emulated yet; remove it or set it to false"),
        ),
    ),
    *rows(
        "ignored",
        "replicas share this machine; the limits of an instance type are not applied yet",
        "JobSpecs[].EcsSpec",
    ),
    *rows(
        "ignored", "only counts with SuccessPolicy Partial", "JobSpecs[].ConsiderInSuccessPolicy"
    ),
    *rows(
        "ignored",
        "fault tolerance by AIMaster is not emulated yet; a failed replica fails the job",
        *under("Settings", "EnableErrorMonitoringInAIMaster ErrorMonitoringArgs"),
        *under("Settings", "EnableSanityCheck SanityCheckArgs ElasticSpotJobMaxRestartTimes"),
    ),
    *rows(
        "honoured",
        "standalone in every replica, distributed on a Ray of all; UserCommand is shell or YAML",
        *under("Settings.DataJuicerConfig", "ExecutionMode CommandType"),
        cases=(
            Case(
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
