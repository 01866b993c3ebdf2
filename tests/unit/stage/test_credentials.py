"""Keys are found in their order, roles are assumed by STS, and nothing shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sts import ADMIN, Sts, sts

from localdlc.config import Cloud, Config, Oss
from localdlc.errors import InputError
from localdlc.stage.credentials import Keys, oss_keys, profile_keys

ROLE = "acs:ram::1:role/reader"


@dataclass
class Machine:
    """A user's home and variables."""

    home: Path
    config: Config
    variables: Mapping[str, str]

    def keys(self, **variables: str) -> Keys:
        return oss_keys(self.config, {**self.variables, **variables})

    def profiles(self, *profiles: Mapping[str, Any], current: str = "default") -> None:
        path = self.home / ".aliyun" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"current": current, "profiles": profiles}))

    def configure(self, **oss: str) -> None:
        self.config = Config(self.config.home, oss=Oss(**oss), cloud=self.config.cloud)


@pytest.fixture
def server() -> Iterator[Sts]:
    with sts() as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, server: Sts) -> Machine:
    config = Config(tmp_path / "home", cloud=Cloud(sts_endpoint=server.endpoint))
    return Machine(tmp_path, config, {"HOME": str(tmp_path)})


def profile(name: str = "default", mode: str = "AK", **members: Any) -> dict[str, Any]:
    known = {"access_key_id": f"{name}-id", "access_key_secret": f"{name}-secret"}
    return {"name": name, "mode": mode, **known, **members}


OSS = {"OSS_ACCESS_KEY_ID": "oss-id", "OSS_ACCESS_KEY_SECRET": "oss-secret"}
GENERAL = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "gen-id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "gen-sec"}
TABLE = {"access_key_id": "toml-id", "access_key_secret": "toml-secret"}


def test_variables_go_first_then_profiles_then_the_file(machine: Machine) -> None:
    machine.profiles(profile())
    machine.configure(**TABLE)
    assert machine.keys(**OSS, **GENERAL).access_key_id == "oss-id"
    assert machine.keys(**GENERAL).access_key_id == "gen-id"
    assert machine.keys().access_key_id == "default-id"
    machine.profiles()
    found = machine.keys()
    assert (found.access_key_id, found.access_key_secret) == ("toml-id", "toml-secret")
    assert found.security_token is None
    assert found.origin == "[oss] of localdlc.toml"


def test_tokens_come_with_their_keys(machine: Machine) -> None:
    assert machine.keys(**OSS, OSS_SECURITY_TOKEN="t").security_token == "t"
    assert machine.keys(**GENERAL, ALIBABA_CLOUD_SECURITY_TOKEN="g").security_token == "g"
    assert machine.keys(**OSS, ALIBABA_CLOUD_SECURITY_TOKEN="g").security_token is None
    machine.profiles(profile(mode="StsToken", sts_token="p"))
    assert machine.keys().security_token == "p"
    machine.profiles(profile(mode="AK", sts_token="stale"))
    assert machine.keys().security_token is None


def test_half_a_pair_is_told_and_not_passed_over(machine: Machine) -> None:
    machine.profiles(profile())
    with pytest.raises(InputError, match="OSS_ACCESS_KEY_ID is set and OSS_ACCESS_KEY_SECRET is n"):
        machine.keys(OSS_ACCESS_KEY_ID="x")
    with pytest.raises(InputError, match="_SECRET is set and ALIBABA_CLOUD_ACCESS_KEY_ID is not"):
        machine.keys(ALIBABA_CLOUD_ACCESS_KEY_SECRET="x")


def test_the_profile_is_chosen_by_the_variable_the_file_or_is_the_current_one(
    machine: Machine,
) -> None:
    machine.profiles(profile("default"), profile("a"), profile("b"), current="a")
    assert machine.keys().access_key_id == "a-id"
    machine.configure(profile="b")
    assert machine.keys().access_key_id == "b-id"
    found = machine.keys(ALIBABA_CLOUD_PROFILE="default")
    assert found.access_key_id == "default-id"
    assert found.origin == "the profile 'default' of ~/.aliyun/config.json"


def test_a_profile_that_was_named_must_be_there(machine: Machine) -> None:
    machine.profiles(profile("default"))
    machine.configure(**TABLE, profile="other")
    with pytest.raises(InputError, match="no profile 'other', but default"):
        machine.keys()


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (profile(mode="EcsRamRole"), "the mode EcsRamRole; localdlc knows AK, StsToken, RamRole"),
        (profile(access_key_id=""), "is not filled in; `aliyun configure` does"),
        (profile(mode="StsToken"), "is not filled in"),
        (profile(mode="RamRoleArn"), "names no ram_role_arn"),
    ],
)
def test_without_any_keys_every_place_is_named(
    machine: Machine, entry: dict[str, Any], says: str
) -> None:
    machine.profiles(entry)
    with pytest.raises(InputError, match=says) as raised:
        machine.keys()
    told = str(raised.value)
    assert "OSS_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_ID are not set" in told
    assert "[oss] of localdlc.toml has no access_key_id" in told
    assert "default-secret" not in told


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": [1]}', '{"profiles": [{}]}', "null"])
def test_a_broken_file_of_profiles_is_passed_over_and_named(machine: Machine, text: str) -> None:
    machine.profiles()
    (machine.home / ".aliyun" / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        machine.keys()
    machine.configure(**TABLE)
    assert machine.keys().access_key_id == "toml-id"


def test_a_profile_with_a_role_assumes_it(machine: Machine, server: Sts) -> None:
    id_, secret = ADMIN
    role: dict[str, Any] = {"ram_role_arn": ROLE, "ram_session_name": "ann", "expired_seconds": 900}
    machine.profiles(
        profile(mode="RamRoleArn", access_key_id=id_, access_key_secret=secret, **role)
    )
    found = machine.keys()
    assert list(found.secrets) == server.secrets
    assert found.expires
    assert timedelta(minutes=59) < found.expires - datetime.now(UTC) < timedelta(minutes=61)
    (asked,) = server.asked
    assert (asked["RoleArn"], asked["RoleSessionName"]) == (ROLE, "ann")
    assert asked["DurationSeconds"] == "900"
    assert "Policy" not in asked


def test_whatever_was_found_assumes_the_role_of_the_file(machine: Machine, server: Sts) -> None:
    id_, secret = ADMIN
    machine.configure(role_arn=ROLE)
    found = machine.keys(OSS_ACCESS_KEY_ID=id_, OSS_ACCESS_KEY_SECRET=secret)
    assert found.access_key_id == "STS.id-1-planted"
    assert found.origin == f"{ROLE}, assumed with the variable OSS_ACCESS_KEY_ID"
    again = machine.keys(
        OSS_ACCESS_KEY_ID=found.access_key_id,
        OSS_ACCESS_KEY_SECRET=found.access_key_secret,
        OSS_SECURITY_TOKEN=found.security_token or "",
    )
    assert again.access_key_id == "STS.id-2-planted"


@pytest.mark.parametrize(
    ("secret", "forbidden", "says"),
    [
        ("wrong", False, "SignatureDoesNotMatch: the signature is another"),
        (ADMIN[1], True, "NoPermission: you may not assume this role"),
    ],
)
def test_sts_refuses_in_its_own_words(
    machine: Machine, server: Sts, secret: str, forbidden: bool, says: str
) -> None:
    server.forbidden = {ROLE} if forbidden else set()
    machine.configure(role_arn=ROLE)
    with pytest.raises(InputError, match=f"{ROLE} cannot be assumed at http.*: {says}") as raised:
        machine.keys(OSS_ACCESS_KEY_ID=ADMIN[0], OSS_ACCESS_KEY_SECRET=secret)
    assert secret not in str(raised.value)


def test_an_sts_that_does_not_answer_is_told(machine: Machine) -> None:
    machine.config = Config(
        machine.home, oss=Oss(role_arn=ROLE), cloud=Cloud(sts_endpoint="http://127.0.0.1:9")
    )
    with pytest.raises(InputError, match=r"cannot be assumed at http://127\.0\.0\.1:9: ") as raised:
        machine.keys(**OSS, OSS_SECURITY_TOKEN="oss-token")
    assert "refused" in str(raised.value)
    assert "oss-" not in str(raised.value)


def test_a_profile_is_asked_for_by_its_name(machine: Machine) -> None:
    machine.profiles(profile("jobs"))
    assert profile_keys("jobs", machine.config, machine.variables).access_key_id == "jobs-id"
    with pytest.raises(
        InputError, match=r"no keys in the profile 'x': .* no profile 'x', but jobs"
    ):
        profile_keys("x", machine.config, machine.variables)


def test_keys_do_not_show_themselves(machine: Machine) -> None:
    shown = repr(machine.keys(**OSS, OSS_SECURITY_TOKEN="oss-token"))
    assert "variable OSS_ACCESS_KEY_ID" in shown
    assert not [secret for secret in ("oss-id", "oss-secret", "oss-token") if secret in shown]
