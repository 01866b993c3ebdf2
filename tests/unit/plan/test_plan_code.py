"""Where code comes from, at which revision, and where replicas see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from given import HOME, JOB_ID, planned, request

from localdlc.config import CodeSource
from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Plan
from localdlc.spec import read_request
from localdlc.spec.fields import report


def with_code(asked: dict[str, Any] | None = None, **settings: Any) -> Plan:
    return planned(request({"Master": 1}, CodeSource=asked), **settings)


def code_of(known: CodeSource, **asked: str) -> tuple[str, Checkout]:
    plan = with_code({"CodeSourceId": "c", **asked}, code_sources={"c": known})
    assert plan.inputs[0].checkout
    return plan.inputs[0].target, plan.inputs[0].checkout


@pytest.mark.parametrize(
    ("clone_type", "repository", "target"),
    [
        (0, "https://git.example/ml/train.git", "/root/code/train"),
        (0, "https://git.example/ml/train/", "/root/code/train"),
        (0, "git@git.example:train.git", "/root/code/train"),
        (0, "/home/ann/train", "/root/code/train"),
        (1, "https://git.example/ml/train.git", "/root/code"),
    ],
)
def test_clone_type_0_makes_a_folder_of_the_repositorys_name(
    clone_type: int, repository: str, target: str
) -> None:
    known = CodeSource(repository, clone_type=clone_type)
    assert code_of(known, MountPath="/root/code/")[0] == target


def test_the_request_says_where_before_the_code_source_does() -> None:
    known = CodeSource("/r", mount_path="/stored")
    assert code_of(known)[0] == "/stored/r"
    assert code_of(known, MountPath="/asked")[0] == "/asked/r"
    assert code_of(CodeSource("/r"))[0] == "/root/code/r"


@pytest.mark.parametrize(
    ("asked", "branch", "commit"),
    [
        ({}, "main", "abc"),
        ({"Branch": "dev"}, "dev", None),
        ({"Commit": "def"}, "main", "def"),
        ({"Branch": "dev", "Commit": "def"}, "dev", "def"),
        ({"Branch": "", "Commit": ""}, "main", "abc"),
    ],
)
def test_a_branch_of_the_request_disables_the_stored_commit(
    asked: dict[str, str], branch: str, commit: str | None
) -> None:
    checkout = code_of(CodeSource("/r", branch="main", commit="abc"), **asked)[1]
    assert (checkout.branch, checkout.commit) == (branch, commit)


@pytest.mark.parametrize(
    ("known", "repository", "login"),
    [
        (CodeSource("https://ann:t0ken-1@h/r"), "https://h/r", ("ann", "t0ken-1")),
        (CodeSource("https://ann:t%2F0%40@h:8443/r"), "https://h:8443/r", ("ann", "t/0@")),
        (CodeSource("https://ann:t@ken@h/r@x"), "https://h/r@x", ("ann", "t@ken")),
        (CodeSource("https://t0ken-1@h:8443/r"), "https://h:8443/r", (None, "t0ken-1")),
        (CodeSource("https://ann@h/r", token="t0ken-1"), "https://h/r", ("ann", "t0ken-1")),
        (CodeSource("https://bob:old@h/r", user="ann", token="new"), "https://h/r", ("ann", "new")),
        (CodeSource("https://h/r", user="ann"), "https://h/r", ("ann", None)),
        (CodeSource("https://h/r@x"), "https://h/r@x", (None, None)),
        (CodeSource("git@h:r.git"), "git@h:r.git", (None, None)),
        (CodeSource("ssh://git@h:22/r"), "ssh://git@h:22/r", (None, None)),
        (CodeSource("ssh://git:w0rd@h/r"), "ssh://git@h/r", (None, None)),
        (CodeSource("https://[h/r"), "https://[h/r", (None, None)),
    ],
    ids=lambda value: value.repository if isinstance(value, CodeSource) else "",
)
def test_a_login_is_divided_from_its_url(
    known: CodeSource, repository: str, login: tuple[str | None, str | None]
) -> None:
    checkout = code_of(known)[1]
    assert (checkout.repository, (checkout.user, checkout.token)) == (repository, login)


@pytest.mark.parametrize(
    ("repository", "uri", "secrets"),
    [
        ("https://ann:t0ken-1@h/r", "https://h/r", {"t0ken-1"}),
        ("https://ann:t%2F0ken@h/r", "https://h/r", {"t/0ken", "t%2F0ken"}),
        ("https://t0ken-1@h:8443/r", "https://h:8443/r", {"t0ken-1"}),
        ("https://h/r", "https://h/r", set()),
    ],
)
def test_credentials_in_a_repository_are_never_shown(
    repository: str, uri: str, secrets: set[str]
) -> None:
    plan = with_code({"CodeSourceId": "c"}, code_sources={"c": CodeSource(repository)})
    assert plan.inputs[0].uri == uri
    assert set(plan.secret_values()) == secrets
    assert not [secret for secret in secrets if secret in repr(plan)]


def test_a_tree_is_the_jobs_own_and_its_clone_is_everyones() -> None:
    checkout = code_of(CodeSource("https://h/r"))[1]
    assert checkout.folder == str(HOME / "jobs" / JOB_ID / "code")
    assert checkout.cache == str(HOME / "cache" / "code")
    assert not checkout.offline


def test_offline_is_no_problem_before_the_cache_is_looked_at() -> None:
    known = {"c": CodeSource("https://h/r")}
    plan = with_code({"CodeSourceId": "c"}, code_sources=known, offline=True)
    assert plan.inputs[0].checkout
    assert plan.inputs[0].checkout.offline


def test_an_unregistered_code_source_is_told_with_both_ways_out() -> None:
    with pytest.raises(InputError) as error:
        with_code({"CodeSourceId": "code-x"})
    (problem,) = error.value.problems
    assert problem.path == "CodeSource.CodeSourceId"
    assert '[code_sources."code-x"]' in problem.message
    assert "--code-dir" in problem.message


# a folder as it is

SRC = Path("/home/ann/src")


@pytest.mark.parametrize(
    ("known", "asked", "target"),
    [
        (CodeSource("https://h/ml/train.git"), {}, "/root/code/train"),
        (CodeSource("https://h/ml/train.git", clone_type=1), {}, "/root/code"),
        (CodeSource("https://h/train", mount_path="/stored/"), {}, "/stored/train"),
        (CodeSource(folder=SRC), {"MountPath": "/asked"}, "/asked/src"),
        (None, {"MountPath": "/asked"}, "/asked/src"),
    ],
)
def test_a_folder_is_where_the_clone_would_be(
    known: CodeSource | None, asked: dict[str, str], target: str
) -> None:
    known_sources = {"c": known} if known else {}
    plan = with_code({"CodeSourceId": "c", **asked}, code_sources=known_sources, code_dir=SRC)
    (code,) = plan.inputs
    assert code.where == "--code-dir"
    assert (code.source, code.target, code.uri) == (str(SRC), target, str(SRC))
    assert code.checkout is None
    mount = plan.replicas[0].mounts[0]
    assert (mount.source, mount.target, mount.read_only) == (str(SRC), target, False)


def test_a_code_source_may_be_registered_as_a_folder() -> None:
    plan = with_code({"CodeSourceId": "c"}, code_sources={"c": CodeSource(folder=SRC)})
    assert plan.inputs[0].source == str(SRC)
    assert plan.inputs[0].where == '[code_sources."c"] folder'
    other = with_code({"CodeSourceId": "c"}, code_sources={"c": CodeSource("/r")})
    assert other.inputs[0].checkout


def test_a_flag_goes_before_what_is_registered() -> None:
    known = {"c": CodeSource("/r", folder=Path("/elsewhere"))}
    assert with_code({"CodeSourceId": "c"}, code_sources=known, code_dir=SRC).inputs[
        0
    ].source == str(SRC)


@pytest.mark.parametrize(
    ("asked", "notes"),
    [
        (
            {"CodeSourceId": "c", "MountPath": "/m", "Branch": "dev"},
            (f"CodeSource: dev is not checked out; {SRC} is used as it is.",),
        ),
        (
            None,
            (
                f"The request has no CodeSource; {SRC} is mounted all the same.",
                "CodeSource: no MountPath is given; the code is mounted at /root/code.",
            ),
        ),
    ],
)
def test_what_a_folder_does_not_do_is_noted(
    asked: dict[str, Any] | None, notes: tuple[str, ...]
) -> None:
    assert with_code(asked, code_dir=SRC).notes == notes


def test_an_empty_code_source_is_none() -> None:
    assert with_code({"CodeSourceId": "", "Branch": ""}).inputs == ()


@pytest.mark.parametrize(("shared", "treatment"), [(True, "honoured"), (False, "approximated")])
def test_one_working_tree_is_shared_whatever_is_asked(shared: bool, treatment: str) -> None:
    body = request({"Master": 1}, CodeSource={"CodeSourceId": "c", "IsSharedMountPath": shared})
    rows = report(read_request(json.dumps(body).encode()).request)
    (row,) = [row for row in rows if row.path == "CodeSource.IsSharedMountPath"]
    assert row.treatment == treatment
