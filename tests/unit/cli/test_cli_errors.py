"""Everything that ends a command early: its exit code, and the words that go with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alone import Cli, Write
from given import request

from localdlc.service import Service


def test_a_missing_file_is_told_with_the_one_that_was_meant(cli: Cli, job_file: Write) -> None:
    job_file(request({"Worker": 1}))
    said = cli("validate", "jbo.json")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "localdlc: jbo.json cannot be read: No such file or directory. Did you mean job.json?\n"
    )


def test_a_folder_is_no_request_but_may_hold_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    assert cli("plan", "sample").err == "localdlc: sample is a folder, not a request file.\n"
    (tmp_path / "sample/job.json").touch()
    said = cli("plan", "sample")
    assert said.code == 2
    assert "Did you mean sample/job.json?" in said.err


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_file_of_ten_megabytes_is_not_even_parsed(cli: Cli, tmp_path: Path, command: str) -> None:
    (tmp_path / "big.json").write_bytes(b" " * (10 << 20))
    said = cli(command, "big.json")
    assert said.code == 2
    assert "big.json is larger than 1 MiB" in said.err


def test_endless_input_is_not_read_to_its_end(cli: Cli) -> None:
    assert "/dev/zero is larger than 1 MiB" in cli("validate", "/dev/zero").err


def test_standard_input_is_a_file(cli: Cli) -> None:
    body = json.dumps(request({"Worker": 1})).encode()
    assert cli("validate", "-", stdin=body).code == 0
    assert "standard input is larger" in cli("validate", "-", stdin=b" " * (2 << 20)).err


def test_every_problem_is_told_at_once(cli: Cli, job_file: Write) -> None:
    file = job_file({"JobType": "PyTorchJob", "JobSpecs": [{"Type": "Wroker", "Image": "i"}]})
    said = cli("validate", file)
    assert said.code == 2
    assert said.err.splitlines()[0] == "localdlc: the request has 3 problems"
    assert [line.split(":")[0].strip() for line in said.err.splitlines()[1:4]] == [
        "DisplayName",
        "UserCommand",
        "JobSpecs[0].Type",
    ]


@pytest.mark.parametrize("spelling", [("-o", "json"), ("--output=json",), ("-ojson",)])
def test_an_error_is_an_object_where_json_is_asked_for(
    cli: Cli, job_file: Write, spelling: tuple[str, ...]
) -> None:
    file = job_file(request({"Worker": -1}))
    said = cli("plan", file, *spelling)
    assert said.code == 2
    assert said.err == ""
    error = json.loads(said.out.splitlines()[-1])
    assert (error["type"], error["code"]) == ("error", "InvalidParameter")
    assert [list(problem) for problem in error["problems"]] == [["path", "code", "message"]]
    assert error["problems"][0]["path"] == "JobSpecs[0].PodCount"


def test_a_request_that_cannot_be_emulated_is_this_machines_fault(
    cli: Cli, job_file: Write
) -> None:
    body = request({"Worker": 1}, TemplateId="tpl1")
    said = cli("plan", job_file(body))
    assert said.code == 3
    assert "TemplateId: job templates are the cloud's" in said.err
    assert cli("validate", job_file(body)).code == 0


def test_an_input_without_a_folder_is_an_input_error(cli: Cli, job_file: Write) -> None:
    body = request({"Worker": 1}, DataSources=[{"Uri": "nas://b/x/", "MountPath": "/m"}])
    said = cli("plan", job_file(body))
    assert said.code == 4
    assert "--map nas://b/x/=FOLDER" in said.err
    assert cli("plan", "job.json", "--map", "nas://b/=data").code == 0


def test_no_engine_is_this_machines_fault_and_leaves_no_job(
    cli: Cli, job_file: Write, tmp_path: Path
) -> None:
    said = cli("run", job_file(request({"Worker": 1})))
    assert said.code == 3
    assert "no container engine answers" in said.err
    assert "unix:///nowhere/docker.sock (DOCKER_HOST)" in said.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("dance",),
        ("run",),
        ("plan", "job.json", "--no-such-flag"),
        ("plan", "job.json", "--pull", "sometimes"),
        ("plan", "job.json", "--grace", "soon"),
        ("plan", "job.json", "--grace", "-1"),
        ("plan", "job.json", "--set", "nothing"),
        ("plan", "job.json", "--map", "nothing"),
        ("plan", "job.json", "--job-id", "Not A Name"),
        ("plan", "job.json", "--job-id", "dlc" + "a" * 40),
        ("plan", "job.json", "--config", "none.toml"),
        ("show", "last"),
        ("logs", "dlc404"),
    ],
)
def test_a_wrong_command_line_is_2_and_words(
    cli: Cli, job_file: Write, arguments: tuple[str, ...]
) -> None:
    job_file(request({"Worker": 1}))
    said = cli(*arguments)
    assert said.code == 2
    assert said.err.startswith("localdlc: ")
    assert "Traceback" not in said.err


def test_a_home_that_is_a_file_is_a_wrong_command_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = cli("list", "--home", "file")
    assert said.code == 2
    assert "is a file" in said.err


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        (["--grace", "soon"], "grace: expected a number of seconds, 0 or more, got 'soon'"),
        (["--grace", "-1"], "grace: expected a number of seconds, 0 or more, got '-1'"),
    ],
)
def test_a_bad_value_of_a_flag_is_told_in_our_words(
    cli: Cli, job_file: Write, flag: list[str], told: str
) -> None:
    said = cli("plan", job_file(request({"Worker": 1})), *flag)
    assert (said.code, said.err) == (2, f"localdlc: {told}\n")


def test_a_misspelt_variable_is_noted_and_stops_nothing(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALDLC_KEPE", "always")
    said = cli("config", "show")
    assert said.code == 0
    assert said.err.startswith("note: LOCALDLC_KEPE has no effect")


def broken(*_: object) -> None:
    raise ZeroDivisionError("by zero")


def test_a_bug_is_a_sentence_and_70(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Service, "list_jobs", broken)
    said = cli("list")
    assert said.code == 70
    assert said.err == (
        "localdlc: a bug in localdlc: ZeroDivisionError: by zero. "
        "Run it again with --debug and report what it prints.\n"
    )
    assert json.loads(cli("list", "-o", "json").out)["code"] == "InternalError"


def test_a_bug_shows_its_traceback_only_when_asked(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "list_jobs", broken)
    said = cli("list", "--debug")
    assert said.code == 70
    assert "Traceback (most recent call last)" in said.err
    assert "ZeroDivisionError: by zero" in said.err


def test_an_error_of_ours_keeps_its_exit_code_with_debug(cli: Cli) -> None:
    said = cli("plan", "nowhere.json", "--debug")
    assert said.code == 2
    assert "Traceback (most recent call last)" in said.err


def test_a_command_that_is_not_there_is_told_with_the_one_that_was_meant(cli: Cli) -> None:
    said = cli("vaildate", "job.json")
    assert (said.code, said.err) == (
        2,
        "localdlc: there is no command 'vaildate'. Did you mean validate?\n",
    )
    assert "--help" in cli("qqq").err
