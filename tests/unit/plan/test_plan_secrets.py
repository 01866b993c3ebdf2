"""Where a request and a configuration hold secrets, and what only looks like one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localdlc.config import CodeSource, Config, Oss
from localdlc.plan.secrets import secrets_of_config, secrets_of_request


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        ({"Envs": {"API_KEY": "a", "LR": "b", "KEYBOARD": "c"}}, {"a"}),
        ({"CustomEnvs": [{"Key": "A", "Value": "a"}]}, {"a"}),
        ({"CustomEnvs": [{"Key": "A", "Value": "a", "Visible": "public"}]}, set()),
        ({"JobSpecs": [{"ImageConfig": {"Password": "a", "Username": "u"}}]}, {"a"}),
        ({"JobSpecs": [{"ImageConfig": {"Auth": "dTpw"}}]}, {"dTpw", "p"}),
        ({"CredentialConfig": {"AliyunEnvRoleKey": "0"}}, set()),
        ({"Roles": [{"AssumeUserInfo": {"AccessKeyId": "a", "SecurityToken": "b"}}]}, {"a", "b"}),
        ({"DataSources": [{"Uri": "https://u:tok@host/x"}]}, {"tok"}),
        ({"DataSources": [{"Uri": "s3://key:tok@bucket/x"}]}, {"tok"}),
        ({"DataSources": [{"Uri": "HTTPS://tok@host/x"}]}, {"tok"}),
        ({"DataSources": [{"Options": '{"fs.oss.accessKeySecret": "a", "n": "b"}'}]}, {"a"}),
        ({"Options": "fs.oss.accessKeySecret=a,fs.oss.read.buffer=b"}, {"a"}),
        ({"UserCommand": "export HF_TOKEN='a' LR=b; python t.py --key=c"}, {"a"}),
        ({"UserCommand": "export HF_TOKEN=$TOKEN TOKENIZERS_PARALLELISM=false"}, set()),
        ({"Settings": {"Tags": {"auth-token": "a", "team": "b"}}}, {"a"}),
        ({"ThirdpartyLibs": ["x @ git+https://tok@host/x"]}, {"tok"}),
    ],
)
def test_secrets_are_found_by_place_by_name_and_by_form(
    body: dict[str, Any], secrets: set[str]
) -> None:
    assert secrets_of_request(json.dumps(body).encode()) == secrets


def test_they_are_found_in_what_is_no_request_and_in_what_changes_one() -> None:
    assert secrets_of_request(b'{"Uri": "oss://u:tok@b/", ') == {"tok"}
    changes = ["JobSpecs[0].ImageConfig.Password=a", "Envs.HF_TOKEN=b", "Envs.LR=c"]
    assert secrets_of_request(b"{}", changes) == {"a", "b"}


def test_a_configuration_has_tokens_keys_and_pasted_logins() -> None:
    config = Config(
        Path("/h"),
        code_sources={"c": CodeSource("https://u:tok@h/r", token="t", user="u")},
        oss=Oss("i", "s", "st", endpoint="e"),
        map={"https://u:mapped@h/": Path("/x")},
        image_map={"a": "b"},
    )
    assert secrets_of_config(config) == {"tok", "t", "i", "s", "st", "mapped"}
