"""The keys of this machine's user for OSS and the cloud's API. They never enter a container.

In this order: variables, the profiles of the ``aliyun`` command line, ``[oss]`` of localdlc.toml;
``role_arn`` there is a role that whatever was found assumes by STS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localdlc.errors import InputError
from localdlc.stage.sts import Keys, Role, assume_role, sts_host

if TYPE_CHECKING:
    from localdlc.config import Config

__all__ = ["Keys", "oss_keys", "profile_keys"]

# The id, the secret and the token of each family of variables.
FAMILIES = (
    ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SECURITY_TOKEN"),
    (
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
    ),
)
PROFILE = "ALIBABA_CLOUD_PROFILE"
MODES = ("AK", "StsToken", "RamRoleArn")


class Missing(Exception):
    """There are no keys in this place; the text says why."""


def oss_keys(config: Config, environment: Mapping[str, str]) -> Keys:
    """The first keys that there are. May ask STS.

    Raises `InputError` with every place that was looked at, or in the words of STS.
    """
    looked = []
    for look in (from_environment, from_profiles, from_configuration):
        try:
            keys = look(config, environment)
        except Missing as why:
            looked.append(str(why))
        else:
            role = config.oss.role_arn
            return assume_role(keys, Role(role), host(config)) if role else keys
    raise InputError(
        f"there are no keys for OSS: {'; '.join(looked)}. Set {FAMILIES[0][0]} and "
        f"{FAMILIES[0][1]}, or run `aliyun configure`, or give access_key_id and "
        "access_key_secret under [oss] in localdlc.toml."
    )


def local_secrets(config: Config, environment: Mapping[str, str]) -> set[str]:
    """Every key that might be used here, whichever will be: no sink may show it."""
    named = [environment.get(name) for family in FAMILIES for name in family]
    oss = config.oss
    named += [oss.access_key_id, oss.access_key_secret, oss.security_token]
    with suppress(Missing):
        for profile in read_profiles(environment)[1].values():
            members = ("access_key_id", "access_key_secret", "sts_token")
            named += [str(profile.get(member) or "") for member in members]
    return {secret for secret in named if secret}


def profile_keys(name: str, config: Config, environment: Mapping[str, str]) -> Keys:
    """The keys of one profile of ``~/.aliyun/config.json``. May ask STS. Raises `InputError`."""
    try:
        return keys_of_profile(read_profile(name, environment), config, environment)
    except Missing as why:
        raise InputError(f"there are no keys in the profile {name!r}: {why}") from None


def from_environment(config: Config, environment: Mapping[str, str]) -> Keys:
    for id_, secret, token in FAMILIES:
        if environment.get(id_) and environment.get(secret):
            known = (environment[id_], environment[secret], environment.get(token) or None)
            return Keys(*known, origin=f"the variable {id_}")
        if half := [name for name in (id_, secret) if environment.get(name)]:
            other = secret if half == [id_] else id_
            raise InputError(f"{half[0]} is set and {other} is not; set both or none.")
    raise Missing(f"{FAMILIES[0][0]} and {FAMILIES[1][0]} are not set")


def from_profiles(config: Config, environment: Mapping[str, str]) -> Keys:
    chosen = environment.get(PROFILE) or config.oss.profile
    if chosen:  # a profile that somebody has named must be there
        return profile_keys(chosen, config, environment)
    return keys_of_profile(read_profile(None, environment), config, environment)


def from_configuration(config: Config, environment: Mapping[str, str]) -> Keys:
    oss = config.oss
    if not (oss.access_key_id and oss.access_key_secret):
        raise Missing("[oss] of localdlc.toml has no access_key_id and access_key_secret")
    origin = config.origins.get("oss", "localdlc.toml")
    return Keys(oss.access_key_id, oss.access_key_secret, oss.security_token, f"[oss] of {origin}")


def read_profile(name: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """A profile by its name, or the current one."""
    current, profiles = read_profiles(environment)
    wanted = name or current
    if wanted not in profiles:
        there = ", ".join(profiles) or "none"
        raise Missing(f"{profiles_file(environment)} has no profile {wanted!r}, but {there}")
    return profiles[wanted]


def profiles_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home()) / ".aliyun" / "config.json"


def read_profiles(environment: Mapping[str, str]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The current profile's name, and all of them by theirs."""
    path = profiles_file(environment)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        profiles = {profile["name"]: profile for profile in content["profiles"]}
        return content.get("current") or "default", profiles
    except FileNotFoundError:
        raise Missing(f"there is no {path}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Missing(f"{path} cannot be read ({type(error).__name__})") from None


def keys_of_profile(
    profile: Mapping[str, Any], config: Config, environment: Mapping[str, str]
) -> Keys:
    mode = profile.get("mode") or "AK"
    origin = f"the profile {profile['name']!r} of ~/.aliyun/config.json"
    if mode not in MODES:
        raise Missing(f"{origin} has the mode {mode}; localdlc knows {', '.join(MODES)}")
    id_, secret = profile.get("access_key_id"), profile.get("access_key_secret")
    token = profile.get("sts_token") or None
    if not (id_ and secret) or (mode == "StsToken" and not token):
        raise Missing(f"{origin} is not filled in; `aliyun configure` does")
    keys = Keys(id_, secret, None if mode == "AK" else token, origin)
    if mode != "RamRoleArn":
        return keys
    if not profile.get("ram_role_arn"):
        raise Missing(f"{origin} names no ram_role_arn")
    role = Role(
        profile["ram_role_arn"],
        session=profile.get("ram_session_name") or "localdlc",
        seconds=profile.get("expired_seconds") or 3600,
    )
    return assume_role(keys, role, host(config, profile.get("sts_region")))


def host(config: Config, region: str | None = None) -> str:
    return sts_host(config.cloud.sts_endpoint, region or config.oss.region)
