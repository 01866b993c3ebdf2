"""Secrets are planted wherever there is a place for one; what is written and printed has none."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from engines import BASE, CommandLine, Done, as_json, job
from sts import Sts, sts

pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]

JOB = "dlcsecrets00001"


def planted(place: str) -> str:
    """A value that stands nowhere else; it has what a URL and JSON spell in another way."""
    return f"Pl4nted+{place}/x="


# what stands in the request

ENVS = ["HF_TOKEN", "DB_PASSWORD", "OSS_ACCESS_KEY_SECRET", "apiKey"]
URLS = ["uri", "index", "env", "library", "command"]
AUTH = base64.b64encode(b"puller:Pl4nted+auth/x=").decode()


def pasted(place: str) -> str:
    return f"Pl4nted-{place}-pasted"


def url(place: str) -> str:
    return f"https://ann:{pasted(place)}@127.0.0.1:9/{place}"


# Prints every variable, each of them in halves as well, and dies as it was told to.
TALK = """
import os, sys, time
for name, value in sorted(os.environ.items()):
    if "P" + "l4nted" in value:
        print(name, "is", value, flush=True)
        sys.stdout.write("\\rhalf " + value[:9]); sys.stdout.flush(); time.sleep(0.05)
        sys.stdout.write(value[9:] + "\\n"); sys.stdout.flush()
        sys.stderr.write("no newline " + value + "\\n")
print("plain TOKENIZERS_PARALLELISM", os.environ["TOKENIZERS_PARALLELISM"])
"""


def request(ending: str = "true", **members: Any) -> dict[str, Any]:
    envs = {name: planted(name) for name in ENVS} | {"PROXY": url("env")}
    role = {"AssumeUserInfo": {"AccessKeyId": planted("ak"), "SecurityToken": planted("st")}}
    body = job(
        f"python3 -c '{TALK}'; echo {url('command')}; export LATE_API_KEY={planted('late')}; "
        f"echo $LATE_API_KEY; {ending}",
        Envs={**envs, "TOKENIZERS_PARALLELISM": "false"},
        CustomEnvs=[
            {"Key": "HIDDEN", "Value": planted("hidden"), "Visible": "private"},
            {"Key": "UNSAID", "Value": planted("unsaid")},
        ],
        CredentialConfig={
            "EnableCredentialInject": True,
            "AliyunEnvRoleKey": "0",
            "CredentialConfigItems": [
                {"Key": "0", "Type": "Role", "Roles": [{"RoleArn": "acs:ram::1:role/r", **role}]}
            ],
        },
        Options=f"fs.oss.accessKeySecret={planted('option')}",
        Settings={"Tags": {"auth-token": planted("tag")}},
        **members,
    )
    body["JobSpecs"][0]["ImageConfig"] = {
        "Username": "puller",
        "Password": planted("pull"),
        "Auth": AUTH,
    }
    return body


# what stands beside it


class Machine:
    """A user whose variables, profile and configuration are full of secrets."""

    def __init__(self, localdlc: CommandLine, server: Sts) -> None:
        self.line = localdlc
        self.server = server
        self.said = ""
        folder = localdlc.folder
        server.users = {planted("profile-id"): planted("profile-secret")}
        profile = {"name": "jobs", "mode": "AK", "access_key_id": planted("profile-id")}
        profile["access_key_secret"] = planted("profile-secret")
        (folder / ".aliyun").mkdir()
        (folder / ".aliyun" / "config.json").write_text(json.dumps({"profiles": [profile]}))
        (folder / "localdlc.toml").write_text(
            f'cloud.sts_endpoint = "{server.endpoint}"\n'
            f'[oss]\naccess_key_id = "{planted("toml-id")}"\n'
            f'access_key_secret = "{planted("toml-secret")}"\n'
            f'security_token = "{planted("toml-token")}"\n'
            f'[code_sources.code-1]\nrepository = "{url("repository")}"\n'
            f'token = "{planted("code")}"\nuser = "ann"\n'
            f'[map]\n"{url("mapped")}" = "."\n'
        )
        self.variables = {
            "HOME": str(folder),
            "OSS_ACCESS_KEY_ID": planted("env-id"),
            "OSS_ACCESS_KEY_SECRET": planted("env-secret"),
            "OSS_SECURITY_TOKEN": planted("env-token"),
            "OSS_ENDPOINT": "http://127.0.0.1:9",
            "PIP_INDEX_URL": url("index"),
        }

    def __call__(self, *arguments: str, body: dict[str, Any] | None = None) -> Done:
        stdin = as_json(body) if body else b""
        done = self.line(*arguments, stdin=stdin, **self.variables)
        self.said += done.out.decode() + done.err
        return done

    def found(self) -> list[str]:
        """What of the planted is in anything that was printed, or lies in the home."""
        texts = {"output": self.said}
        for path in self.line.home.rglob("*"):
            if path.is_file():
                texts[path.name] = path.read_bytes().decode("utf-8", "replace")
        return [
            f"{name}: …{text[max(0, at - 60) : at + 60]}…"
            for name, text in texts.items()
            for word in ("Pl4nted", "planted", AUTH, "puller:")
            if (at := text.find(word)) >= 0
        ]


@pytest.fixture
def machine(localdlc: CommandLine) -> Iterator[Machine]:
    with sts() as server:
        yield Machine(localdlc, server)


@pytest.mark.parametrize("ending", ["true", "exit 3"])
def test_a_job_tells_no_secret_however_it_ends(machine: Machine, ending: str) -> None:
    flags = ("--credentials", "jobs", "--job-id", JOB)
    done = machine("run", "-", *flags, body=request(ending))
    assert done.code == (0 if ending == "true" else 1)
    assert "HF_TOKEN is ***" in done.text
    assert "half ***" in done.text
    assert "TOKENIZERS_PARALLELISM false" in done.text
    for command in (("show", JOB), ("logs", JOB), ("list",), ("config", "show")):
        assert machine(*command).code == 0
        machine(*command, "-o", "json")
    for output in ("text", "json"):
        assert machine("plan", "-", "-o", output, body=request()).code == 0
        assert machine("validate", "-", "-o", output, body=request()).code == 0
    assert machine.server.asked
    assert machine.found() == []


@pytest.mark.parametrize(
    ("members", "flags"),
    [
        ({"DataSources": [{"Uri": url("uri"), "MountPath": "/mnt/a"}]}, ()),
        ({"DataSources": [{"Uri": "oss://bucket/a/", "MountPath": "/mnt/a"}]}, ()),
        ({"CodeSource": {"CodeSourceId": "code-1"}}, ()),
        ({"ThirdpartyLibs": [f"x @ {url('library')}"]}, ()),
        ({}, ("--credentials", "ghost")),
        ({}, ("--set", f"JobSpecs[0].ImageConfig.Password[0]={planted('set')}")),
        ({}, ("--set", "JobSpecs[0].PodCount=many", "--set", f"Envs.A_KEY={planted('set2')}")),
        ({"JobSpecs": [{"Type": "Master", "Image": "127.0.0.1:9/a/b:1"}]}, ()),
    ],
    ids=["uri", "oss", "code", "library", "profile", "path", "value", "image"],
)
def test_a_job_that_fails_tells_no_secret(
    machine: Machine, members: dict[str, Any], flags: tuple[str, ...]
) -> None:
    body = {**request(), **members}
    body["JobSpecs"][0].setdefault("ImageConfig", request()["JobSpecs"][0]["ImageConfig"])
    for more in ((), ("-o", "json"), ("--debug",)):
        assert machine("run", "-", *flags, *more, body=body).code in {1, 2, 3, 4}
    assert machine.found() == []


def test_keys_of_this_machine_are_in_no_container(
    machine: Machine, docker_client: docker.APIClient
) -> None:
    body = job("env; echo up; sleep 60")
    going = machine.line.start_job(body, "--job-id", JOB, **machine.variables).wait_for("| up")
    shown = json.dumps(docker_client.inspect_container(f"{JOB}-master-0"))
    going.process.terminate()
    done = going.finish()
    assert "Pl4nted" not in shown + done.text
    assert BASE in shown
