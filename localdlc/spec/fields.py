"""The fidelity table: what this machine makes of every member of a request, and why.

A row is a member as a dotted path, such as ``JobSpecs[].ResourceConfig.GPU``; a row for an object
speaks for everything in it. A test walks the models and fails when a member has no row.

- honoured: does here what it does in the cloud
- approximated: does something close, and the row says what
- ignored: accepted and kept, without effect
- refused: a job that needs it would not be the same job, so it does not start
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from localdlc.spec import to_json
from localdlc.spec.body import children
from localdlc.spec.paths import below
from localdlc.spec.problems import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["ROWS", "RUNNING", "Case", "Row", "Treatment", "refusals", "report"]

Treatment = Literal["honoured", "approximated", "ignored", "refused"]


@dataclass(frozen=True, slots=True)
class Case:
    """Values that are treated differently: ``when(request, value)`` says which."""

    when: Callable[[CreateJobRequest, Any], bool]
    treatment: Treatment
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """How one member is treated, and why; the first case that fits goes before the rest."""

    path: str
    treatment: Treatment
    why: str
    cases: tuple[Case, ...] = ()

    def for_value(self, request: CreateJobRequest, path: str, value: Any) -> Row:
        """Say how one value is treated, with ``{path}`` and ``{value}`` filled in."""
        case = next((case for case in self.cases if case.when(request, value)), None)
        treatment, why = (case.treatment, case.why) if case else (self.treatment, self.why)
        why = why.format(path=path, value=value) if treatment == "refused" else why
        return replace(self, treatment=treatment, why=why, cases=())


def report(request: CreateJobRequest) -> list[Row]:
    """List a row for each member that the request gives; a refused value speaks for it."""
    found: dict[str, Row] = {}
    for _, row in _touched(request):
        if row.treatment == "refused":
            found[row.path] = row
        found.setdefault(row.path, row)
    return list(found.values())


def refusals(request: CreateJobRequest) -> list[Problem]:
    """List a problem for each value that keeps the job from starting here."""
    return [
        unsupported(path, row.why) for path, row in _touched(request) if row.treatment == "refused"
    ]


def _touched(request: CreateJobRequest) -> Iterator[tuple[str, Row]]:
    for row, path, value in _walk(to_json(request), "", ""):
        yield path, row.for_value(request, path, value)


def _walk(node: Any, general: str, path: str) -> Iterator[tuple[Row, str, Any]]:
    if general in ROWS:
        yield ROWS[general], path, node
        return
    for step, child in children(node):
        step_in_general = "[]" if isinstance(step, int) else f".{step}"
        yield from _walk(child, (general + step_in_general).removeprefix("."), below(path, step))


def _rows(treatment: Treatment, why: str, *paths: str, cases: tuple[Case, ...] = ()) -> list[Row]:
    return [Row(path, treatment, why, cases) for path in paths]


def _under(prefix: str, names: str) -> list[str]:
    return [f"{prefix}.{name}" for name in names.split()]


RUNNING = (
    "TFJob",
    "PyTorchJob",
    "XGBoostJob",
    "OneFlowJob",
    "ElasticBatchJob",
    "RayJob",
    "DataJuicerJob",
)
_NOT_YET = "{path} is not emulated yet; remove it"
_CLOUD = "it steers the cloud's scheduler; there is one machine here"
_RIGHTS = "jobs here have no other users to be seen by or billed to"
_FABRIC = "the network and devices of this machine are used as they are"
_LATER = "accepted, and without effect so far"


def _is_true(_: CreateJobRequest, value: Any) -> bool:
    return value is True


def _injects(request: CreateJobRequest, _: Any) -> bool:
    return bool(request.CredentialConfig and request.CredentialConfig.EnableCredentialInject)


_TABLE = [
    *_rows("honoured", "shown wherever the job is", "DisplayName"),
    *_rows(
        "honoured",
        "chooses the roles, the variables and the rule of success",
        "JobType",
        cases=(
            Case(
                lambda _, value: value not in RUNNING,
                "refused",
                "{value} is a valid JobType, but localdlc does not run it yet;"
                f" it runs {', '.join(RUNNING)}",
            ),
        ),
    ),
    *_rows("honoured", "one container a replica", *_under("JobSpecs[]", "Type PodCount Image")),
    *_rows(
        "honoured",
        "run by a shell in every replica; a role's own goes first",
        "UserCommand",
        "JobSpecs[].UserCommand",
    ),
    *_rows(
        "honoured",
        "used to pull the image, and never shown",
        *_under("JobSpecs[].ImageConfig", "DockerRegistry Username Password Auth"),
    ),
    *_rows("honoured", "set in every replica", "Envs", *_under("CustomEnvs[]", "Key Value")),
    *_rows(
        "honoured", "a value is shown if this is public, and masked if not", "CustomEnvs[].Visible"
    ),
    *_rows(
        "honoured",
        "mounted from a folder of this machine, or fetched and cached",
        *_under("DataSources[]", "DataSourceId Uri"),
    ),
    *_rows("honoured", "where it appears in every replica", "DataSources[].MountPath"),
    *_rows(
        "honoured",
        "RO is read-only; else a mapped folder is written, fetched data through a layer of the job",
        "DataSources[].MountAccess",
    ),
    *_rows(
        "honoured",
        "mounted from this machine, for the replicas of the role",
        *_under("JobSpecs[].LocalMountSpecs[]", "MountMode LocalPath MountPath"),
        cases=(
            Case(
                lambda _, value: value == "Block",
                "refused",
                "{path}: no block device is handed to a container; mount a folder: Filesystem",
            ),
        ),
    ),
    *_rows("honoured", "localdlc.toml or --code-dir says what it is", "CodeSource.CodeSourceId"),
    *_rows(
        "honoured",
        "checked out once before the replicas start, and mounted in each",
        *_under("CodeSource", "Branch Commit MountPath"),
    ),
    *_rows(
        "honoured",
        "there is one working tree, which all replicas share",
        "CodeSource.IsSharedMountPath",
        cases=(
            Case(
                lambda _, value: value is False,
                "approximated",
                "there is one working tree all the same: what a replica writes the others see",
            ),
        ),
    ),
    *_rows(
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
    *_rows("honoured", "runs the UserCommand", "Settings.Shell"),
    *_rows(
        "honoured",
        "the time a replica has to stop before it is killed",
        "Settings.TerminationGracePeriodSeconds",
    ),
    *_rows(
        "honoured", "counts from Running; a job beyond it has failed", "JobMaxRunningTimeMinutes"
    ),
    *_rows(
        "honoured",
        "installed by the image's pip in each replica before the command",
        "ThirdpartyLibs",
        "ThirdpartyLibDir",
    ),
    *_rows(
        "approximated",
        "a limit of the container, at most what this machine has",
        *_under("JobSpecs[].ResourceConfig", "CPU Memory SharedMemory"),
    ),
    *_rows(
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
    *_rows(
        "approximated",
        "taken as Never: no replica is restarted yet",
        "JobSpecs[].RestartPolicy",
        cases=(Case(lambda _, value: value == "Never", "honoured", "no replica is restarted"),),
    ),
    *_rows(
        "refused",
        _NOT_YET,
        *_under("JobSpecs[].ExtraPodSpec", "InitContainers SideCarContainers Lifecycle"),
        *_under("JobSpecs[].ExtraPodSpec", "SharedVolumeMountPaths MainContainerSecurityContext"),
        "JobSpecs[].StartupDependencies",
        "TemplateId",
    ),
    *_rows(
        "ignored",
        "false changes nothing",
        *_under("JobSpecs[]", "IsChief IsCheif"),
        cases=(
            Case(_is_true, "refused", "{path} is not emulated yet; remove it or set it to false"),
        ),
    ),
    *_rows(
        "ignored",
        "replicas share this machine; the limits of an instance type are not applied yet",
        "JobSpecs[].EcsSpec",
    ),
    *_rows("ignored", "the environment goes when the job ends", "Settings.JobReservedMinutes"),
    *_rows("ignored", "the environment goes when the job ends", "Settings.JobReservedPolicy"),
    *_rows("ignored", "only counts with a TemplateId", "TemplateVersion"),
    *_rows(
        "ignored", "only counts with SuccessPolicy Partial", "JobSpecs[].ConsiderInSuccessPolicy"
    ),
    *_rows(
        "ignored",
        "only counts when EnableCredentialInject is true",
        *_under("CredentialConfig", "EnableCredentialInject AliyunEnvRoleKey"),
        *_under("CredentialConfig.CredentialConfigItems[]", "Key Type"),
        *_under("CredentialConfig.CredentialConfigItems[].Roles[]", "RoleArn Policy"),
        cases=(
            Case(
                _injects,
                "approximated",
                "localhost:7002 answers in every replica: with temporary keys of the profile that"
                " --credentials names, without it with a refusal",
            ),
        ),
    ),
    *_rows(
        "ignored",
        "roles are assumed as the --credentials profile, and as nobody else",
        *_under("CredentialConfig.CredentialConfigItems[].Roles[]", "RoleType AssumeRoleFor"),
        *_under(
            "CredentialConfig.CredentialConfigItems[].Roles[].AssumeUserInfo",
            "Type Id AccessKeyId SecurityToken",
        ),
    ),
    *_rows(
        "ignored",
        "fault tolerance by AIMaster is not emulated yet; a failed replica fails the job",
        *_under("Settings", "EnableErrorMonitoringInAIMaster ErrorMonitoringArgs"),
        *_under("Settings", "EnableSanityCheck SanityCheckArgs ElasticSpotJobMaxRestartTimes"),
    ),
    *_rows(
        "ignored",
        "data is fetched with this machine's own keys before the job starts, or mapped",
        *_under("DataSources[]", "AccessPointId RoleChain RoleArn"),
        "Settings.EnableOssAppend",
    ),
    *_rows("honoured", "data that is fetched is always cached", "DataSources[].EnableCache"),
    *_rows(
        "approximated",
        "fs.oss.download.thread.concurrency is how many downloads run at a time; the rest is for "
        "the cloud's storage client",
        "Options",
        "DataSources[].Options",
    ),
    *_rows(
        "honoured",
        "chooses among the versions in localdlc.toml; a mapped folder has one",
        "DataSources[].DataSourceVersion",
    ),
    *_rows(
        "ignored",
        "replicas reach each other by name on every port",
        *_under("JobSpecs[].ServiceSpec", "ServiceMode DefaultPort ExtraPorts"),
        *_under("UserVpc", "VpcId SwitchId SecurityGroupId ExtendedCIDRs DefaultRoute"),
    ),
    *_rows("ignored", "there are no pods to label", "JobSpecs[].ExtraPodSpec.PodLabels"),
    *_rows("ignored", "there are no pods to annotate", "JobSpecs[].ExtraPodSpec.PodAnnotations"),
    *_rows(
        "ignored",
        "the number of replicas is fixed",
        *_under(
            "JobSpecs[].AutoScalingSpec", "ScalingStrategy MinReplicas MaxReplicas PodsToDelete"
        ),
        *_under(
            "JobSpecs[].AutoScalingSpec.AutoscalingMetricSpec",
            "MetricName TargetValue StabilizationWindowSeconds Tolerance",
        ),
    ),
    *_rows(
        "ignored",
        _CLOUD,
        "ResourceId",
        "Priority",
        "SchedulingStrategy",
        *_under("JobSpecs[].AssignNodeSpec", "EnableAssignNode NodeNames AntiAffinityNodeNames"),
        *_under("JobSpecs[].AssignNodeSpec.HyperNodes[]", "HyperNodeName NodeNames"),
        *_under("JobSpecs[].AssignNodeSpec.AntiAffinityHyperNodes[]", "HyperNodeName NodeNames"),
        *_under("JobSpecs[].HyperNodeSchedulingConfig", "MinAvailable QualityPolicy"),
        *_under("JobSpecs[].SpotSpec", "SpotStrategy SpotDiscountLimit SpotPriceLimit"),
        *_under(
            "JobSpecs[].ElasticSpotSpecs[]",
            "InstanceType SpotStrategy SpotDiscountLimit SpotPriceLimit",
        ),
        *_under("JobSpecs[]", "UseSpotInstance OversoldType QuotaId"),
        *_under("Settings", "AllowUnschedulableNodes DisableEcsStockCheck EnableTideResource"),
        "Settings.OversoldType",
    ),
    *_rows(
        "ignored",
        _FABRIC,
        "JobSpecs[].ResourceConfig.GPUType",
        "JobSpecs[].Driver",
        *_under("JobSpecs[].SystemDisk", "Category PerformanceLevel Size"),
        *_under("Settings", "AllocateAllRDMADevices Driver EnableCPUAffinity EnableRDMA"),
    ),
    *_rows(
        "ignored",
        _RIGHTS,
        "WorkspaceId",
        "Accessibility",
        *_under("Settings", "BusinessUserId Caller PipelineId"),
    ),
    *_rows(
        "ignored", _LATER, "Description", *_under("Settings", "Tags AdvancedSettings EnableDSWDev")
    ),
    *_rows(
        "honoured",
        "standalone in every replica, distributed on a Ray of all; UserCommand is shell or YAML",
        *_under("Settings.DataJuicerConfig", "ExecutionMode CommandType"),
        cases=(
            Case(
                lambda request, _: request.JobType != "DataJuicerJob",
                "ignored",
                "has an effect on a DataJuicerJob only",
            ),
        ),
    ),
    *_rows(
        "ignored",
        "replicas get what their role asks for; nothing is estimated",
        "Settings.DataJuicerConfig.EnableResourceEstimation",
        *_under("Settings.DataJuicerConfig.ResourceLimit", "CPU GPU Memory"),
    ),
    *_rows(
        "ignored",
        "no model is registered",
        "Settings.ModelConfig.ModelName",
        *_under("Settings.ModelConfig.ModelTemplate", "Collections ModelName Provider"),
    ),
    *_rows(
        "ignored",
        "the API itself no longer supports it",
        "DebuggerConfigContent",
        *_under("ElasticSpec", "AIMasterDockerImage AIMasterType ElasticStrategy"),
        *_under("ElasticSpec", "EDPMaxParallelism EDPMinParallelism EnableAIMaster EnableEDP"),
        *_under("ElasticSpec", "EnableElasticTraining EnablePsJobElasticPS"),
        *_under("ElasticSpec", "EnablePsJobElasticWorker EnablePsResourceEstimate"),
        *_under("ElasticSpec", "MaxParallelism MinParallelism PSMaxParallelism PSMinParallelism"),
    ),
]

ROWS = {row.path: row for row in _TABLE}
"""Every row by its path."""
