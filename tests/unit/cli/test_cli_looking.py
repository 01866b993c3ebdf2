"""Commands that look and touch nothing: plan, validate, list, config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alone import Cli, Write
from given import JOB_ID, request

HEAVY = {"docker", "pydantic", "fsspec", "ossfs", "git", "rich", "requests", "yaml"}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom localdlc.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit as left: code = left.code or 0\n"
        "print(*sorted(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded & HEAVY == set()
    assert "localdlc" in done.stdout
    names = ("service", "config", "spec", "stage", "terminal", "record.events")
    rooms = {f"localdlc.{name}" for name in names}
    assert not rooms & set(done.stderr.split())


def test_a_run_without_inputs_loads_nothing_that_brings_some(tmp_path: Path) -> None:
    code = (
        "import sys, localdlc\nfrom localdlc.run.fake_engine import FakeEngine\n"
        f"body = {request({'Worker': 1})!r}\n"
        f"done = localdlc.run(body, engine=FakeEngine(lambda _: 0), home={str(tmp_path)!r})\n"
        "print(done.status, *sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, *loaded = done.stdout.split()
    assert status == "Succeeded"
    bring = ("fetching", "data", "code", "libraries", "desk", "cloud", "image", "oss")
    assert {f"localdlc.stage.{name}" for name in bring} & set(loaded) == set()
    queue = ("admission", "run.bell", "run.holders", "run.waiting_list", "plan.schedule")
    assert {f"localdlc.{name}" for name in queue} & set(loaded) == set()
    gpus = ("config.gpus", "plan.gpus", "plan.gpu_policy", "plan.gpu_environment", "run.gpus")
    assert {f"localdlc.{name}" for name in gpus} & set(loaded) == set()
    heavy = HEAVY - {"pydantic"} | {"aliyunsdkcore", "oss2", "cryptography", "aiohttp"}
    assert {name.partition(".")[0] for name in loaded} & heavy == set()


def test_both_names_are_one_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "localdlc", "config", "show", "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "LOCALDLC_GRACE": "7"},
    )
    assert json.loads(done.stdout)["grace"] == {"value": 7.0, "origin": "LOCALDLC_GRACE"}


def test_a_plan_is_the_same_twice_and_needs_no_engine(
    cli: Cli, job_file: Write, tmp_path: Path
) -> None:
    file = job_file(request({"Worker": 2}))
    once, again = (cli("plan", file, "--job-id", JOB_ID, "-o", "json") for _ in range(2))
    assert once == again
    assert (once.code, once.err) == (0, "")
    assert once.json["network"] == {"name": f"localdlc-{JOB_ID}", "subnet": None}
    assert not (tmp_path / "home").exists()


def test_a_plan_as_text_is_for_people(cli: Cli, job_file: Write) -> None:
    said = cli("plan", job_file(request({"Worker": 1})), "--job-id", JOB_ID)
    assert said.out.startswith(f"PyTorchJob {JOB_ID} (job)\n")


def test_set_changes_the_request_and_flags_the_configuration(cli: Cli, job_file: Write) -> None:
    file = job_file(request({"Worker": 1}))
    changes = ["--set", "JobSpecs[0].PodCount=3", "--set", "Envs.LR=0.1"]
    flags = ["--image-map", "img:1=local:2", "--grace", "2.5"]
    plan = cli("plan", file, *changes, *flags, "-o", "json").json
    assert len(plan["replicas"]) == 3
    assert {r["image"] for r in plan["replicas"]} == {"local:2"}
    assert plan["replicas"][0]["env"]["LR"] == "0.1"
    assert plan["grace_seconds"] == 2.5


def test_a_fresh_job_id_looks_like_the_clouds(cli: Cli, job_file: Write) -> None:
    file = job_file(request({"Worker": 1}))
    ids = {cli("plan", file, "-o", "json").json["job_id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(i) == 16 and i.startswith("dlc") and i.isalnum() and i.islower() for i in ids)


def test_a_plan_shows_no_secret_by_field_or_by_value(cli: Cli, job_file: Write) -> None:
    body = request({"Worker": 1}, Envs={"HF_TOKEN": "hf_abcdefg"})
    body["UserCommand"] = "login hf_abcdefg"
    file = job_file(body)
    for flags in ([], ["-o", "json"]):
        said = cli("plan", file, *flags)
        assert "hf_abcdefg" not in said.out
        assert "login ***" in said.out


def test_validate_lists_what_runs_differently_here(cli: Cli, job_file: Write) -> None:
    file = job_file(request({"Worker": 1}, ResourceId="q", Enviroments={"A": "b"}))
    said = cli("validate", file)
    assert said.code == 0
    assert said.out.splitlines()[0] == "The request is valid."
    assert "note: Enviroments" in said.out
    assert any(
        line.startswith("ignored") and "ResourceId" in line for line in said.out.splitlines()
    )
    body = cli("validate", file, "-o", "json").json
    assert list(body) == ["valid", "runs_here", "notes", "fidelity"]
    assert body["valid"] is True
    assert next(map(list, body["fidelity"])) == ["path", "treatment", "why"]
    assert cli("validate", "--strict", file).code == 2


def test_strict_lets_nothing_pass_that_has_no_effect(cli: Cli, job_file: Write) -> None:
    honoured, ignored = job_file(request({"Worker": 1})), ["--set", "ResourceId=q"]
    assert cli("validate", "--strict", honoured).code == 0
    for command in ("validate", "plan", "run"):
        said = cli(command, "--strict", honoured, *ignored)
        assert said.code == 2
        assert "ResourceId: it steers the cloud's scheduler" in said.err


def test_a_plan_says_how_faithful_a_run_would_be(cli: Cli, job_file: Write) -> None:
    said = cli("plan", job_file(request({"Worker": 1}, ResourceId="q")))
    assert said.out.splitlines()[-2:] == [
        "honoured      DisplayName, JobType, JobSpecs[].Type, JobSpecs[].PodCount, "
        "JobSpecs[].Image, UserCommand",
        "ignored       ResourceId: it steers the cloud's scheduler; there is one machine here",
    ]


def test_an_empty_home_lists_nothing(cli: Cli) -> None:
    assert cli("list", "-o", "json").json == []
    assert cli("list").out.split()[:2] == ["JOB", "NAME"]


def test_config_says_where_each_setting_came_from(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "localdlc.toml").write_text(
        'keep = "failed"\n[code_sources.c]\nrepository = "https://h/r"\ntoken = "s3cret-1"'
    )
    said = cli("config", "show")
    assert f"keep = failed  ({tmp_path / 'localdlc.toml'})" in said.out.splitlines()
    assert f"home = {tmp_path / 'home'}  (LOCALDLC_HOME)" in said.out.splitlines()
    assert "s3cret-1" not in said.out + cli("config", "show", "-o", "json").out
