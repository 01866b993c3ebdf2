"""What is read: names, absence, unknown members, aliases, clones and the way back to JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localdlc.spec import read_request, to_json
from localdlc.spec.fields import report

REQUESTS = Path(__file__).parent / "requests"
SMALLEST = (REQUESTS / "smallest.json").read_bytes()


def notes_of(*overrides: str) -> dict[str, str]:
    return {note.path: note.message for note in read_request(SMALLEST, overrides).notes}


def test_members_have_the_api_s_names() -> None:
    request = read_request((REQUESTS / "quota.json").read_bytes()).request
    assert request.DisplayName == "ddp-2x8"
    assert request.JobSpecs[0].PodCount == request.JobSpecs[0].replicas == 2
    assert request.JobSpecs[0].ResourceConfig is not None
    assert request.JobSpecs[0].ResourceConfig.SharedMemory == "256Gi"
    assert [source.MountAccess for source in request.DataSources] == ["RO", "RW"]
    assert request.CodeSource is not None
    assert request.CodeSource.Branch == "main"


def test_absent_members_are_none_or_empty() -> None:
    request = read_request(SMALLEST).request
    assert (request.Priority, request.Settings, request.JobSpecs[0].RestartPolicy) == (None,) * 3
    assert (request.Envs, request.DataSources, request.ThirdpartyLibs) == ({}, [], [])


@pytest.mark.parametrize("name", ["smallest", "quota", "tensorflow"])
def test_a_request_becomes_the_json_it_came_from(name: str) -> None:
    body = (REQUESTS / f"{name}.json").read_bytes()
    assert to_json(read_request(body).request) == json.loads(body)


def test_what_says_nothing_is_absent() -> None:
    changes = [
        *("Settings.Tags={}", "Options=null", "Priority=", "DataSources=[]", "Envs="),
        'JobSpecs[0].SpotSpec={"SpotStrategy": ""}',
        'CodeSource={"Branch": "", "Commit": null}',
    ]
    assert to_json(read_request(SMALLEST, changes).request) == json.loads(SMALLEST)


def test_entries_of_free_maps_stay() -> None:
    request = read_request(SMALLEST, ['Envs={"A": ""}', "Settings.AdvancedSettings.x=null"]).request
    assert request.Envs == {"A": ""}
    assert to_json(request)["Settings"] == {"AdvancedSettings": {"x": None}}


def test_a_mark_before_utf_8_is_no_matter() -> None:
    assert read_request(b"\xef\xbb\xbf" + SMALLEST) == read_request(SMALLEST)


def test_unknown_members_are_kept_and_reported() -> None:
    asked = read_request(SMALLEST, ["Prioritty=3", "JobSpecs[0].Nonsense.a=[1]"])
    tree = to_json(asked.request)
    assert tree["Prioritty"] == 3
    assert tree["JobSpecs"][0]["Nonsense"] == {"a": [1]}
    assert [(n.path, n.code) for n in asked.notes] == [
        ("JobSpecs[0].Nonsense", "UnsupportedParameter"),
        ("Prioritty", "UnsupportedParameter"),
    ]


@pytest.mark.parametrize(
    ("override", "path", "says"),
    [
        ("JobSpecs[0].podCount=2", "JobSpecs[0].podCount", "did you mean PodCount?"),
        ("Prioritty=3", "Prioritty", "did you mean Priority?"),
        ("envs.A=x", "envs", "did you mean Envs?"),
        ("Settings.Shel=sh", "Settings.Shel", "did you mean Shell?"),
        ("JobSpecs[0].SharedMemory=1Gi", "JobSpecs[0].SharedMemory",
         "it belongs in JobSpecs[].ResourceConfig.SharedMemory"),
        ("Zzz=1", "Zzz", "is unknown and has no effect"),
        ("UserVpc.SwitchId=vsw-1", "UserVpc.SwitchId", "goes with ExtendedCIDRs"),
        ("ResourceId=quota1", "JobSpecs[0].EcsSpec", "without a ResourceId"),
        ("JobSpecs[0].PodCount=null", "JobSpecs[0].PodCount", "one replica is meant"),
        ("JobType=ElasticBatch", "JobType", "ElasticBatch is read as ElasticBatchJob"),
        ('DataSources=[{"Uri": "oss://b/", "DataSourceType": "OSS"}]',
         "DataSources[0].DataSourceType", "the Uri alone decides"),
    ],
)  # fmt: skip
def test_notes(override: str, path: str, says: str) -> None:
    notes = notes_of(override)
    assert list(notes) == [path]
    assert says in notes[path]


def test_numbers_without_a_quota_are_noted() -> None:
    notes = notes_of("JobSpecs[0].EcsSpec=", 'JobSpecs[0].ResourceConfig.CPU="1"')
    assert notes == {"JobSpecs[0].ResourceConfig": "goes with a ResourceId in the cloud"}


def test_one_variable_with_two_values_is_noted() -> None:
    same = 'CustomEnvs=[{"Key": "A", "Value": "1"}]'
    assert notes_of('Envs={"A": "1"}', same) == {}
    assert "another value" in notes_of('Envs={"A": "2"}', same)["CustomEnvs[0].Key"]


def test_an_alias_of_a_job_type_is_the_type() -> None:
    assert read_request(SMALLEST, ["JobType=ElasticBatch"]).request.JobType == "ElasticBatchJob"


def test_an_answer_of_get_job_is_a_request() -> None:
    asked = read_request((REQUESTS / "answer.json").read_bytes(), strict=True)
    notes = {note.path: note.message for note in asked.notes}
    assert set(notes) == {"", "UserVpc.ExtendedCidrs"}
    assert notes[""].startswith("members of a GetJob answer are passed over: ClusterId, Duration")
    assert asked.request.JobSpecs[0].ResourceConfig is None
    assert "Pods" not in to_json(asked.request)
    assert "refused" not in {row.treatment for row in report(asked.request)}


def test_an_answer_s_cidrs_are_a_request_s() -> None:
    asked = read_request(SMALLEST, ['UserVpc.ExtendedCidrs=["10.0.0.0/8"]'])
    assert asked.request.UserVpc is not None
    assert asked.request.UserVpc.ExtendedCIDRs == ["10.0.0.0/8"]


def test_importing_the_room_does_not_import_pydantic() -> None:
    script = "import sys, localdlc.spec, localdlc.spec.fields; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
