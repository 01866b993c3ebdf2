"""CredentialConfig becomes what is injected: which credentials a job may ask for, and of whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdlc.plan.model import Mount

if TYPE_CHECKING:
    from localdlc.config import Config
    from localdlc.spec.request import CreateJobRequest, Credential

__all__ = ["GATE", "Grant", "Injection", "injection"]

PLACE = "/run/localdlc"
# A replica's command waits here for its credentials, and reads the variables to export.
GATE = f"{PLACE}/gate"


@dataclass(frozen=True, slots=True)
class Grant:
    """One credential: its key, and the roles (ARN and policy) to assume one after the other."""

    key: str
    roles: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Injection:
    """What replicas are answered at ``http://localhost:7002``, and which grant they export.

    ``folder`` holds a folder a replica, mounted there. Without a ``profile`` all is refused.
    """

    folder: str
    grants: tuple[Grant, ...]
    profile: str | None = None
    exported: str | None = None

    def mount(self, pod_id: str) -> Mount:
        """Where a replica meets us. Read-only: nothing that it does there reaches the others."""
        return Mount(f"{self.folder}/{pod_id}", PLACE, read_only=True)

    @property
    def notes(self) -> tuple[str, ...]:
        if self.profile is None:
            return (
                "CredentialConfig: credentials are refused inside the replicas; "
                "--credentials PROFILE gives a profile's.",
            )
        asked = {grant.key for grant in self.grants}
        if self.exported and self.exported not in asked:
            return (f"CredentialConfig.AliyunEnvRoleKey: there is no item {self.exported!r}.",)
        return ()


def injection(request: CreateJobRequest, config: Config, job_id: str) -> Injection | None:
    """None unless the request turns it on."""
    asked = request.CredentialConfig
    if asked is None or not asked.EnableCredentialInject:
        return None
    return Injection(
        folder=str(config.job_folder(job_id) / "credentials"),
        grants=tuple(map(grant, asked.CredentialConfigItems)),
        profile=config.credentials,
        exported=asked.AliyunEnvRoleKey,
    )


def grant(item: Credential) -> Grant:
    roles = ((role.RoleArn, role.Policy) for role in item.Roles)
    return Grant(item.Key or "", tuple((arn, policy) for arn, policy in roles if arn))
