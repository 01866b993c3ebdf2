"""STS: keys of one's own become temporary keys of a role."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localdlc.errors import InputError

__all__ = ["Keys", "Role", "assume_role", "sts_host"]

VERSION = "2015-04-01"
LONGEST_TITLE = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests to the cloud are signed with. ``origin`` says in words where they came from.

    Temporary ones have a ``security_token`` and, when STS has told it, the time they expire.
    """

    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    origin: str = ""
    expires: datetime | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sink may show."""
        known = (self.access_key_id, self.access_key_secret, self.security_token)
        return tuple(secret for secret in known if secret)


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume: its ARN, a policy (JSON) that narrows it, and for how many seconds."""

    arn: str
    policy: str | None = None
    session: str = "localdlc"
    seconds: int = 3600


def sts_host(endpoint: str | None, region: str | None) -> str:
    """Where STS answers: as configured, else the region's, else the one for all regions."""
    return endpoint or (f"sts.{region}.aliyuncs.com" if region else "sts.aliyuncs.com")


def assume_role(keys: Keys, role: Role, host: str) -> Keys:
    """Asks STS (AssumeRole) at ``host``; raises `InputError` in its own words."""
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest

    # It must have a region, and does without: the domain is given.
    client = AcsClient(
        region_id="cn-hangzhou", auto_retry=False, timeout=15, credential=signed_with(keys)
    )
    request = CommonRequest(
        domain=host.partition("://")[2] or host, version=VERSION, action_name="AssumeRole"
    )
    request.set_protocol_type("http" if host.startswith("http://") else "https")
    request.set_method("POST")
    for name, value in parameters(role).items():
        request.add_query_param(name, value)
    try:
        answer = client.do_action_with_exception(request)
    except ServerException as error:
        raise InputError(refused(role, host, f"{error.error_code}: {error.message}")) from None
    except ClientException as error:
        # The address in it holds the signature and the token.
        why = re.sub(r"\?\S+", "", str(error.message))
        raise InputError(refused(role, host, why)) from None
    return keys_in(json.loads(answer), f"{role.arn}, assumed with {keys.origin}")


def signed_with(keys: Keys) -> Any:
    """The client's own form of keys."""
    from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential

    if keys.security_token is None:
        return AccessKeyCredential(keys.access_key_id, keys.access_key_secret)
    return StsTokenCredential(keys.access_key_id, keys.access_key_secret, keys.security_token)


def parameters(role: Role) -> dict[str, str]:
    asked = {"RoleArn": role.arn, "RoleSessionName": role.session[:LONGEST_TITLE]}
    asked["DurationSeconds"] = str(role.seconds)
    return asked | ({"Policy": role.policy} if role.policy else {})


def refused(role: Role, host: str, why: str) -> str:
    return f"{role.arn} cannot be assumed at {host}: {why}"


def keys_in(answer: dict[str, Any], origin: str) -> Keys:
    given = answer["Credentials"]
    return Keys(
        given["AccessKeyId"],
        given["AccessKeySecret"],
        given["SecurityToken"],
        origin,
        datetime.fromisoformat(given["Expiration"]),
    )
