"""What a CreateJob body may hold, member by member, in the API's own names.

`CreateJobRequest` is the body. A role of the job (``JobSpecs[]``) is in `jobspec`, ``Settings`` in
`settings`. Source: CreateJob of pai-dlc 2020-12-03, as in the official SDK 1.11.6.
"""
# ruff: noqa: RUF012 - pydantic copies its defaults

from localdlc.spec.jobspec import JobSpec
from localdlc.spec.part import Int32, Part
from localdlc.spec.settings import JobSettings

__all__ = [
    "AssumeUser",
    "Code",
    "CreateJobRequest",
    "Credential",
    "CredentialRole",
    "Credentials",
    "CustomEnv",
    "DataSource",
    "JobElasticSpec",
    "Vpc",
]


class CustomEnv(Part):
    """An environment variable with a visibility; every one but ``public`` is kept secret."""

    Key: str | None = None
    Value: str | None = None
    Visible: str | None = None


class DataSource(Part):
    """Storage mounted into every replica: a registered dataset or a Uri, never both."""

    DataSourceId: str | None = None
    DataSourceVersion: str | None = None
    Uri: str | None = None
    MountPath: str | None = None
    MountAccess: str | None = None
    Options: str | None = None
    EnableCache: bool | None = None
    AccessPointId: str | None = None
    RoleChain: str | None = None
    RoleArn: str | None = None


class Code(Part):
    """The one git checkout of a job; the repository's address belongs to the CodeSourceId."""

    CodeSourceId: str | None = None
    Branch: str | None = None
    Commit: str | None = None
    MountPath: str | None = None
    IsSharedMountPath: bool | None = None


class Vpc(Part):
    """The user's own network in the cloud."""

    VpcId: str | None = None
    SwitchId: str | None = None
    SecurityGroupId: str | None = None
    ExtendedCIDRs: list[str] = []
    DefaultRoute: str | None = None


class JobElasticSpec(Part):
    """Elastic training of an earlier day: documented as unsupported, still echoed in answers."""

    AIMasterDockerImage: str | None = None
    AIMasterType: str | None = None
    EDPMaxParallelism: Int32 | None = None
    EDPMinParallelism: Int32 | None = None
    ElasticStrategy: str | None = None
    EnableAIMaster: bool | None = None
    EnableEDP: bool | None = None
    EnableElasticTraining: bool | None = None
    EnablePsJobElasticPS: bool | None = None
    EnablePsJobElasticWorker: bool | None = None
    EnablePsResourceEstimate: bool | None = None
    MaxParallelism: Int32 | None = None
    MinParallelism: Int32 | None = None
    PSMaxParallelism: Int32 | None = None
    PSMinParallelism: Int32 | None = None


class AssumeUser(Part):
    """On whose behalf a role is assumed."""

    Type: str | None = None
    Id: str | None = None
    AccessKeyId: str | None = None
    SecurityToken: str | None = None


class CredentialRole(Part):
    """One role of a credential, or one link of its chain."""

    RoleType: str | None = None
    RoleArn: str | None = None
    AssumeRoleFor: str | None = None
    Policy: str | None = None
    AssumeUserInfo: AssumeUser | None = None


class Credential(Part):
    """One credential that containers may fetch by its Key."""

    Key: str | None = None
    Type: str | None = None
    Roles: list[CredentialRole] = []


class Credentials(Part):
    """Temporary cloud credentials for the containers."""

    EnableCredentialInject: bool | None = None
    AliyunEnvRoleKey: str | None = None
    CredentialConfigItems: list[Credential] = []


class CreateJobRequest(Part):
    """The body of CreateJob: four members are required, all others may be absent."""

    DisplayName: str | None = None
    JobType: str | None = None
    JobSpecs: list[JobSpec] = []
    UserCommand: str | None = None
    DataSources: list[DataSource] = []
    CodeSource: Code | None = None
    UserVpc: Vpc | None = None
    ThirdpartyLibs: list[str] = []
    ThirdpartyLibDir: str | None = None
    Envs: dict[str, str] = {}
    CustomEnvs: list[CustomEnv] = []
    JobMaxRunningTimeMinutes: int | None = None
    WorkspaceId: str | None = None
    ResourceId: str | None = None
    Priority: Int32 | None = None
    Settings: JobSettings | None = None
    ElasticSpec: JobElasticSpec | None = None
    DebuggerConfigContent: str | None = None
    Options: str | None = None
    SuccessPolicy: str | None = None
    CredentialConfig: Credentials | None = None
    Accessibility: str | None = None
    TemplateId: str | None = None
    TemplateVersion: int | None = None
    Description: str | None = None
    SchedulingStrategy: str | None = None
