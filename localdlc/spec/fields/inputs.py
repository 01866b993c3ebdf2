"""What is brought into the replicas: data, code, libraries, credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localdlc.spec.fields.row import Case, rows, under

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest

__all__ = ["TABLE"]


def injects(request: CreateJobRequest, _: Any) -> bool:
    return bool(request.CredentialConfig and request.CredentialConfig.EnableCredentialInject)


TABLE = [
    *rows(
        "honoured",
        "mounted from a folder of this machine, or fetched and cached",
        *under("DataSources[]", "DataSourceId Uri"),
    ),
    *rows("honoured", "where it appears in every replica", "DataSources[].MountPath"),
    *rows(
        "honoured",
        "RO is read-only; else a mapped folder is written, fetched data through a layer of the job",
        "DataSources[].MountAccess",
    ),
    *rows(
        "honoured",
        "mounted from this machine, for the replicas of the role",
        *under("JobSpecs[].LocalMountSpecs[]", "MountMode LocalPath MountPath"),
        cases=(
            Case(
                "Block",
                lambda _, value: value == "Block",
                "refused",
                "no block device is handed to a container; mount a folder: Filesystem",
            ),
        ),
    ),
    *rows(
        "honoured",
        "localdlc.toml, --code-dir or the cloud says what it is",
        "CodeSource.CodeSourceId",
    ),
    *rows(
        "honoured",
        "checked out once before the replicas start, and mounted in each",
        *under("CodeSource", "Branch Commit MountPath"),
    ),
    *rows(
        "honoured",
        "there is one working tree, which all replicas share",
        "CodeSource.IsSharedMountPath",
        cases=(
            Case(
                "false",
                lambda _, value: value is False,
                "approximated",
                "there is one working tree all the same: what a replica writes the others see",
            ),
        ),
    ),
    *rows(
        "honoured",
        "installed in each replica before the command, as the image's pip resolves them; what "
        "cannot be resolved starts nothing",
        "ThirdpartyLibs",
        "ThirdpartyLibDir",
    ),
    *rows(
        "ignored",
        "data is fetched with this machine's own keys before the job starts, or mapped",
        *under("DataSources[]", "AccessPointId RoleChain RoleArn"),
        "Settings.EnableOssAppend",
    ),
    *rows("honoured", "data that is fetched is always cached", "DataSources[].EnableCache"),
    *rows(
        "approximated",
        "fs.oss.download.thread.concurrency is how many downloads run at a time; the rest is for "
        "the cloud's storage client",
        "Options",
        "DataSources[].Options",
    ),
    *rows(
        "honoured",
        "chooses among the versions in localdlc.toml; a mapped folder has one",
        "DataSources[].DataSourceVersion",
    ),
    *rows(
        "ignored",
        "only counts when EnableCredentialInject is true",
        *under("CredentialConfig", "EnableCredentialInject AliyunEnvRoleKey"),
        *under("CredentialConfig.CredentialConfigItems[]", "Key Type"),
        *under("CredentialConfig.CredentialConfigItems[].Roles[]", "RoleArn Policy"),
        cases=(
            Case(
                "with EnableCredentialInject",
                injects,
                "approximated",
                "localhost:7002 answers in every replica: with temporary keys of the profile that"
                " --credentials names, without it with a refusal",
            ),
        ),
    ),
    *rows(
        "ignored",
        "roles are assumed as the --credentials profile, and as nobody else",
        *under("CredentialConfig.CredentialConfigItems[].Roles[]", "RoleType AssumeRoleFor"),
        *under(
            "CredentialConfig.CredentialConfigItems[].Roles[].AssumeUserInfo",
            "Type Id AccessKeyId SecurityToken",
        ),
    ),
]
