"""The table has a row for every member, and says what is true of each value."""

from __future__ import annotations

from pathlib import Path

import pytest

from localdlc.spec import read_request
from localdlc.spec.fields import ROWS, SUBJECTS, refusals, report, without_effect
from localdlc.spec.part import leaves
from localdlc.spec.request import CreateJobRequest
from tools import compatibility

PAGE = Path(__file__).parents[3] / "docs/compatibility.md"
SMALLEST = (Path(__file__).parent / "requests/smallest.json").read_bytes()
MEMBERS = list(leaves(CreateJobRequest))
SPEC = "JobSpecs[0]"
DATA_JUICER = "Settings.DataJuicerConfig.CommandType"


def treatments(*overrides: str) -> dict[str, str]:
    return {row.path: row.treatment for row in report(read_request(SMALLEST, overrides).request)}


def test_every_member_has_a_row_of_its_own_and_every_row_a_member() -> None:
    assert set(ROWS) == set(MEMBERS)


def test_no_member_has_two_rows() -> None:
    assert sum(map(len, SUBJECTS.values())) == len(ROWS)


def test_every_row_says_why() -> None:
    assert [row.path for row in ROWS.values() if not row.why] == []


def test_the_report_has_the_members_that_are_there() -> None:
    assert treatments() == {
        "DisplayName": "honoured",
        "JobType": "honoured",
        "JobSpecs[].Type": "honoured",
        "JobSpecs[].PodCount": "honoured",
        "JobSpecs[].Image": "honoured",
        "JobSpecs[].EcsSpec": "approximated",
        "UserCommand": "honoured",
    }


@pytest.mark.parametrize(
    ("override", "row", "treatment"),
    [
        ("JobType=TFJob", "JobType", "honoured"),
        ("JobType=RayJob", "JobType", "honoured"),
        ("JobType=MPIJob", "JobType", "approximated"),
        ("SuccessPolicy=ChiefWorker", "SuccessPolicy", "approximated"),
        (f"{SPEC}.RestartPolicy=Never", "JobSpecs[].RestartPolicy", "honoured"),
        (f"{SPEC}.RestartPolicy=Always", "JobSpecs[].RestartPolicy", "approximated"),
        (f"{SPEC}.IsChief=false", "JobSpecs[].IsChief", "ignored"),
        (f"{SPEC}.IsChief=true", "JobSpecs[].IsChief", "ignored"),
        (f"{SPEC}.ConsiderInSuccessPolicy=true", "JobSpecs[].ConsiderInSuccessPolicy", "ignored"),
        ("Settings.JobReservedMinutes=5", "Settings.JobReservedMinutes", "approximated"),
        ("Settings.JobReservedMinutes=0", "Settings.JobReservedMinutes", "honoured"),
        ("Settings.ErrorMonitoringArgs=--x 1", "Settings.ErrorMonitoringArgs", "ignored"),
        ("ThirdpartyLibs[0]=numpy", "ThirdpartyLibs", "honoured"),
        ("Envs.A=x", "Envs", "honoured"),
        ("CustomEnvs[0].Key=x", "CustomEnvs[].Key", "honoured"),
        ("Settings.EnableRDMA=true", "Settings.EnableRDMA", "ignored"),
        ("Settings.DataJuicerConfig.CommandType=shell", DATA_JUICER, "ignored"),
        ("CodeSource.CodeSourceId=code-1", "CodeSource.CodeSourceId", "honoured"),
    ],
)
def test_treatment_follows_the_value(override: str, row: str, treatment: str) -> None:
    assert treatments(override)[row] == treatment


def test_success_policy_counts_on_a_tfjob() -> None:
    assert treatments("JobType=TFJob", "SuccessPolicy=ChiefWorker")["SuccessPolicy"] == "honoured"


def test_flags_of_a_role_count_where_the_policy_asks_for_them() -> None:
    chief = f"{SPEC}.IsChief=true"
    asked = treatments("SuccessPolicy=ChiefWorker", chief)
    assert (asked["SuccessPolicy"], asked["JobSpecs[].IsChief"]) == ("honoured", "approximated")
    considered = f"{SPEC}.ConsiderInSuccessPolicy=true"
    asked = treatments("SuccessPolicy=Partial", considered)
    assert asked["SuccessPolicy"] == "approximated"
    assert asked["JobSpecs[].ConsiderInSuccessPolicy"] == "approximated"


def test_restarts_are_aimasters_where_it_restarts() -> None:
    policy, on = f"{SPEC}.RestartPolicy=OnFailure", "Settings.EnableErrorMonitoringInAIMaster=true"
    row = "JobSpecs[].RestartPolicy"
    assert treatments(policy)[row] == treatments(policy, on)[row] == "approximated"
    args = "Settings.ErrorMonitoringArgs=--enable-job-restart true"
    asked = treatments(policy, on, args)
    assert (asked[row], asked["Settings.ErrorMonitoringArgs"]) == ("ignored", "approximated")


def test_data_juicers_own_settings_count_on_its_job() -> None:
    asked = treatments("JobType=DataJuicerJob", f"{DATA_JUICER}=shell")
    assert asked[DATA_JUICER] == "honoured"


@pytest.mark.parametrize("count", ["0", "8"])
def test_gpus_are_this_machines(count: str) -> None:
    asks = [f"{SPEC}.EcsSpec=", f'{SPEC}.ResourceConfig.GPU="{count}"']
    asks += [f"{SPEC}.ResourceConfig.GPUType=V100"]
    told = treatments(*asks)
    assert told["JobSpecs[].ResourceConfig.GPU"] == "honoured"
    assert told["JobSpecs[].ResourceConfig.GPUType"] == "approximated"


@pytest.mark.parametrize(
    ("override", "path", "says"),
    [
        (f'{SPEC}.LocalMountSpecs[0]={{"MountMode": "Block", "MountPath": "/dev/a"}}',
         f"{SPEC}.LocalMountSpecs[0].MountMode", "mount a folder: Filesystem"),
        ("TemplateId=tpl1", "TemplateId", "write the job out"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_what_to_do(override: str, path: str, says: str) -> None:
    asked = read_request(SMALLEST, [f"{SPEC}.EcsSpec=", override])
    [problem] = refusals(asked.request)
    assert (problem.path, problem.code) == (path, "UnsupportedOperation")
    assert says in problem.message


def test_a_role_that_waits_is_told() -> None:
    waits = [
        'JobSpecs[1]={"Type": "Master", "Image": "i"}',
        f"{SPEC}.StartupDependencies[0].Type=Master",
    ]
    told = [row.path for row in report(read_request(SMALLEST, waits).request)]
    assert "JobSpecs[].StartupDependencies[].Type" in told


def test_what_has_no_effect_is_told_by_its_place() -> None:
    [spec] = without_effect(read_request(SMALLEST, [f"{SPEC}.Driver=535"]).request)
    assert (spec.path, spec.code) == (f"{SPEC}.Driver", "UnsupportedOperation")


def test_the_page_is_made_from_the_table_as_it_is() -> None:
    assert PAGE.read_text() == compatibility.page(), "run `make docs`"


def test_a_sound_request_is_not_refused() -> None:
    assert refusals(read_request(SMALLEST).request) == []
