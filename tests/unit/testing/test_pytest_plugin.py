"""The pytest plugin in projects of its own, on the fake engine."""

from __future__ import annotations

import re
import sys

import pytest

# What each project would load anew: pytester forgets what a run has loaded.
import localdlc.plan.build
import localdlc.run.docker_engine
import localdlc.run.fake_engine
import localdlc.run.host
import localdlc.spec.fields
import localdlc.testing.client  # noqa: F401

pytestmark = pytest.mark.servers  # each starts a pytest of its own: a second

HEAD = """
import sys

import pytest

JOB = {
    "DisplayName": "tested", "JobType": "PyTorchJob", "UserCommand": "python train.py",
    "JobSpecs": [
        {"Type": "Master", "PodCount": 1, "Image": "img:1"},
        {"Type": "Worker", "PodCount": 7, "Image": "img:1"},
    ],
}

def train(replica):
    for n in range(12):
        replica.write(b"line %d\\n" % n)
    return int(replica.env.get("CODE", "0")) if replica.env["RANK"] == "1" else 0
"""
FAKE = "@pytest.mark.localdlc(fake=train, replicas=2)"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of which nobody has configured anything."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.delenv("LOCALDLC_CONFIG", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return pytester


def run(project: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(HEAD + text)
    return project.runpytest("-p", "no:cacheprovider", "-p", "no:xdist", *arguments)


def fake(project: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    return run(project, text, "--localdlc-engine=fake", "--strict-markers", *arguments)


# what a test gets


def test_a_job_is_run_and_asserted_on(project: pytest.Pytester) -> None:
    result = fake(
        project,
        f"""
{FAKE}
def test_it(localdlc_job, localdlc, localdlc_engine, tmp_path):
    result = localdlc_job(JOB, {{"DisplayName": "changed"}})
    assert result.status == "Succeeded"
    assert result.view.display_name == "changed"
    assert result.ranks.all_exited(0).all_printed("line 11")
    assert [rank.name for rank in result.ranks] == ["master-0", "worker-0"]
    assert result.ended_by in ("master-0", "worker-0")
    assert localdlc.outcomes == [result]
    assert result.folder.is_relative_to(localdlc.home)
    assert not localdlc_engine.containers and not localdlc_engine.networks
    assert not list(tmp_path.iterdir())
""",
    )
    result.assert_outcomes(passed=1)


def test_a_request_is_a_file_with_its_configuration_beside_it(project: pytest.Pytester) -> None:
    jobs = project.mkdir("jobs")
    (jobs / "localdlc.toml").write_text('[map]\n"d-1" = "data"\n')
    (jobs / "data").mkdir()
    result = fake(
        project,
        f"""
import json, pathlib
{FAKE}
def test_it(localdlc, localdlc_job):
    file = pathlib.Path("jobs/job.json")
    file.write_text(json.dumps({{**JOB, "DataSources": [{{"DataSourceId": "d-1"}}]}}))
    [mount] = localdlc.plan(file).replicas[0].mounts
    assert mount.source == str(file.parent.absolute() / "data")
    localdlc_job(str(file)).ranks.all_exited(0)
""",
    )
    result.assert_outcomes(passed=1)


def test_a_call_goes_before_the_marker_and_a_near_marker_before_a_far_one(
    project: pytest.Pytester,
) -> None:
    result = fake(
        project,
        """
pytestmark = pytest.mark.localdlc(fake=train, replicas=5, grace=7, user_id="1")

@pytest.mark.localdlc(replicas=3)
def test_near(localdlc):
    plan = localdlc.plan(JOB)
    assert (len(plan.replicas), plan.grace_seconds) == (3, 7)

def test_far(localdlc):
    assert len(localdlc.plan(JOB).replicas) == 5

def test_call(localdlc_job):
    assert len(localdlc_job(JOB, replicas={"Worker": 1}).ranks) == 2
""",
    )
    result.assert_outcomes(passed=3)


def test_a_plan_needs_no_engine(project: pytest.Pytester) -> None:
    result = run(project, "def test_it(localdlc): assert len(localdlc.plan(JOB).replicas) == 8\n")
    result.assert_outcomes(passed=1)


def test_the_engine_may_be_another(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
from localdlc.run.fake_engine import FakeEngine

@pytest.fixture
def localdlc_engine():
    return FakeEngine(train)

def test_it(localdlc_job):
    assert localdlc_job(JOB).ranks.all_exited(0)
""",
    )
    result.assert_outcomes(passed=1)


# without an engine


def test_without_an_engine_a_test_is_skipped_and_says_what_was_tried(
    project: pytest.Pytester,
) -> None:
    result = run(project, "def test_it(localdlc_job): raise AssertionError", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*no container engine answers*nowhere/docker.sock*"])


def test_an_engine_that_is_required_and_does_not_answer_is_an_error(
    project: pytest.Pytester,
) -> None:
    text = "def test_it(localdlc_job): pass\ndef test_plan(localdlc): localdlc.plan(JOB)\n"
    result = run(project, text, "--localdlc-require-engine")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["no container engine answers. Tried:", "*nowhere/docker.sock*"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")
    result.stdout.no_fnmatch_line("*another exception occurred*")


def test_what_the_fake_engine_has_no_function_for_is_skipped(project: pytest.Pytester) -> None:
    result = fake(project, "def test_it(localdlc_job): raise AssertionError", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*pytest.mark.localdlc(fake=*"])


# failing tests


def test_a_failing_test_shows_who_ended_how_and_said_what(project: pytest.Pytester) -> None:
    result = fake(
        project,
        f"""
{FAKE}
def test_it(localdlc_job):
    localdlc_job(JOB, {{"Envs": {{"CODE": "3"}}}}).ranks.all_exited(0)
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: 1 of 2 ranks did not exit with 0",
            "E*rank 1 worker-0 ended with exit code 3",
            "*-- localdlc: PyTorchJob dlc* --*",
            "Failed: PyTorchJob dlc* (decided by worker-0)",
            "rank 0 master-0 ended with exit code *",
            "  | … 2 lines before",
            "  | line 2",
            "  | line 11",
            "rank 1 worker-0 ended with exit code 3",
            "why: worker-0 was the first to fail*",
            "all of it: localdlc logs dlc* --home *localdlc",
            "to enter a replica afterwards: pytest --localdlc-keep",
        ]
    )
    assert "ranks.py" not in result.stdout.str()


def test_a_failing_test_shows_every_job_and_a_passing_one_none(project: pytest.Pytester) -> None:
    result = fake(
        project,
        """
pytestmark = pytest.mark.localdlc(fake=train, replicas=2)

def test_good(localdlc_job):
    localdlc_job(JOB)

def test_bad(localdlc_job):
    localdlc_job(JOB)
    localdlc_job(JOB)
    assert False
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert len(re.findall("-- localdlc: PyTorchJob dlc", result.stdout.str())) == 2


def test_a_request_that_is_wrong_is_told_with_all_problems(project: pytest.Pytester) -> None:
    text = f'{FAKE}\ndef test_it(localdlc_job): localdlc_job({{"JobType": "X"}})\n'
    result = fake(project, text)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*the request has 4 problems", "E*DisplayName: is required", "E*'X' is not one of*"]
    )
    result.stdout.no_fnmatch_line("*service.py*")


def test_an_unknown_argument_of_the_marker_is_told(project: pytest.Pytester) -> None:
    marker = "@pytest.mark.localdlc(fake=train, timeouts=3)"
    text = f"{marker}\ndef test_it(localdlc_job): localdlc_job(JOB)\n"
    result = fake(project, text)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*there is no setting timeouts; there are: *"])


def test_a_job_that_takes_too_long_is_stopped_and_fails(project: pytest.Pytester) -> None:
    result = fake(
        project,
        """
def waits(replica):
    replica.write(b"waiting\\n")
    return 143 if replica.wait_for_signal() else 0

@pytest.mark.localdlc(fake=waits, replicas=2, timeout=0.5)
def test_it(localdlc_job):
    localdlc_job(JOB)
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*dlc* had not ended after 0.5 s*", "Stopped: *", "rank 0 master-0*"]
    )


# homes


def test_a_home_goes_with_a_session_that_passed_and_stays_after_a_failure(
    project: pytest.Pytester,
) -> None:
    base = project.path / "base"
    good = f"{FAKE}\ndef test_it(localdlc_job): localdlc_job(JOB)\n"
    fake(project, good, f"--basetemp={base}").assert_outcomes(passed=1)
    assert not (base / "localdlc").exists()
    bad = f"{FAKE}\ndef test_it(localdlc_job): assert not localdlc_job(JOB)\n"
    fake(project, bad, f"--basetemp={base}").assert_outcomes(failed=1)
    assert (base / "localdlc" / "jobs.db").is_file()


def test_with_s_a_job_is_shown_as_it_happens(project: pytest.Pytester) -> None:
    project.makepyfile(f"{HEAD}\n{FAKE}\ndef test_it(localdlc_job): localdlc_job(JOB)\n")
    result = project.runpytest_subprocess("--localdlc-engine=fake", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*master-0 | line 0"])
    result.stderr.fnmatch_lines(["Succeeded: PyTorchJob *"])


# who does not use it


def test_who_does_not_use_it_pays_nothing(project: pytest.Pytester) -> None:
    """Under 20 ms are promised; it takes two."""
    project.makepyfile(
        """
import sys

def test_it():
    rooms = {"localdlc", "docker", "pydantic", "fsspec", "ossfs", "git", "click", "requests"}
    loaded = {name for name in sys.modules if name.partition(".")[0] in rooms}
    assert loaded == {"localdlc", "localdlc.run", "localdlc.pytest_plugin"}
"""
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1)


def test_its_import_is_quick(project: pytest.Pytester) -> None:
    code = "import pytest; import localdlc.pytest_plugin"
    told = (project.run(sys.executable, "-X", "importtime", "-c", code) for _ in range(3))
    assert min(microseconds(run.stderr.str()) for run in told) < 20_000


def microseconds(told: str) -> int:
    """Of the plugin and what it imports, by ``-X importtime``."""
    pattern = r"^import time:\s+\d+ \|\s+(\d+) \|\s+localdlc\.pytest_plugin$"
    [found] = re.findall(pattern, told, re.MULTILINE)
    return int(found)


def test_its_fixtures_and_marker_are_told(project: pytest.Pytester) -> None:
    fixtures = project.runpytest("--fixtures", "-q").stdout
    fixtures.re_match_lines([r"^localdlc -- .*"])
    for name in ("localdlc_job", "localdlc_engine", "localdlc_home"):
        fixtures.fnmatch_lines([f"{name}* -- *localdlc/pytest_plugin.py*"])
    project.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.localdlc(timeout=600*"])
