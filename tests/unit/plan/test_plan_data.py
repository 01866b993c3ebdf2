"""Where data comes from: a folder here, a registered dataset, or somewhere to fetch it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from given import HOME, JOB_ID, planned, request

from localdlc.config import Dataset, Sample
from localdlc.errors import InputError, Problem
from localdlc.plan.model import Fetch, Plan
from localdlc.plan.options import parallel
from localdlc.plan.oss_uri import OssPlace, oss_place, public

D = "d-0abc"
OSS = "oss://bucket.oss-cn-hangzhou.aliyuncs.com/train/"


def with_data(*sources: dict[str, Any], **settings: Any) -> Plan:
    members = settings.pop("members", {})
    return planned(request({"Master": 1}, DataSources=list(sources), **members), **settings)


def fetched(source: dict[str, Any], **settings: Any) -> Fetch:
    fetch = with_data({"MountPath": "/m", **source}, **settings).inputs[0].fetch
    assert fetch
    return fetch


def problem(source: dict[str, Any], **settings: Any) -> Problem:
    with pytest.raises(InputError) as error:
        with_data(source, **settings)
    assert len(error.value.problems) == 1
    return error.value.problems[0]


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        (OSS, OssPlace("bucket", "oss-cn-hangzhou.aliyuncs.com", "train/")),
        ("oss://bucket/a/b.csv", OssPlace("bucket", "", "a/b.csv")),
        ("oss://bucket", OssPlace("bucket", "", "")),
        ("oss://b.127.0.0.1:9000/x//y", OssPlace("b", "127.0.0.1:9000", "x//y")),
        ("oss://b/a?b#c%20d", OssPlace("b", "", "a?b#c%20d")),
    ],
)
def test_an_oss_uri_is_bucket_endpoint_and_path(uri: str, place: OssPlace) -> None:
    assert oss_place(uri) == place
    assert oss_place(str(place)) == place


@pytest.mark.parametrize(
    ("endpoint", "reachable"),
    [
        ("oss-cn-hangzhou-internal.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com"),
        ("vpc100-oss-cn-beijing.aliyuncs.com", "oss-cn-beijing.aliyuncs.com"),
        ("oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com"),
        ("oss-cn-hangzhou-internal.aliyuncs.com:443", "oss-cn-hangzhou.aliyuncs.com:443"),
        ("data-internal.example.com", "data-internal.example.com"),
        ("", ""),
    ],
)
def test_an_internal_endpoint_has_a_public_name(endpoint: str, reachable: str) -> None:
    assert public(endpoint) == reachable


def test_a_uri_that_is_elsewhere_is_fetched_into_the_jobs_folder() -> None:
    plan = with_data({"Uri": "file:///a"}, {"Uri": OSS, "MountAccess": "RO"})
    assert plan.inputs[0].fetch is None
    assert plan.inputs[1].fetch == Fetch(OSS)
    assert plan.inputs[1].source == str(HOME / "jobs" / JOB_ID / "data" / "1")
    assert plan.replicas[0].mounts[1].source == plan.inputs[1].source
    assert plan.replicas[0].mounts[1].read_only
    assert f"{OSS} -> /mnt/data-2 (read-only, fetched)" in str(plan)


def test_an_internal_endpoint_is_replaced_and_told() -> None:
    uri = "oss://b.oss-cn-hangzhou-internal.aliyuncs.com/x/"
    plan = with_data({"Uri": uri, "MountPath": "/m"})
    assert plan.inputs[0].fetch == Fetch("oss://b.oss-cn-hangzhou.aliyuncs.com/x/")
    assert plan.notes == (
        f"DataSources[0]: {uri} is only reachable in the cloud; "
        "oss://b.oss-cn-hangzhou.aliyuncs.com/x/ is read instead.",
    )


@pytest.mark.parametrize(
    "uri",
    ["nas://29a-f.cn-hangzhou/data/", "cpfs://cpfs-1.cn-x/p/", "bmcpfs://1.cn-x/", "odps://p/t"],
)
def test_what_cannot_be_fetched_must_be_mapped(uri: str) -> None:
    found = problem({"Uri": uri})
    assert found.path == "DataSources[0]"
    assert f"--map {uri}=FOLDER" in found.message
    assert f'[map] "{uri}" = "FOLDER"' in found.message


@pytest.mark.parametrize("uri", ["http://h/a/", "s3://b/a", "memory://a", "hdfs://h/a"])
def test_any_other_scheme_is_left_to_the_fetching(uri: str) -> None:
    assert fetched({"Uri": uri}).uri == uri


def test_a_dataset_gives_what_the_request_leaves_open() -> None:
    known = Dataset(uri=OSS, mount_path="/known/", access="RO", property="FILE")
    plan = with_data({"DataSourceId": D}, datasets={D: known})
    found = plan.inputs[0]
    assert (found.uri, found.target, found.read_only) == (OSS, "/known", True)
    assert found.fetch == Fetch(OSS, property="FILE")
    asked = {"DataSourceId": D, "MountPath": "/asked", "MountAccess": "RW"}
    found = with_data(asked, datasets={D: known}).inputs[0]
    assert (found.target, found.read_only) == ("/asked", False)


def test_two_datasets_keep_clear_of_each_others_mount_paths() -> None:
    known = {
        "d-1": Dataset(uri="oss://b/1"),
        "d-2": Dataset(uri="oss://b/2", mount_path="/mnt/data"),
    }
    plan = with_data({"DataSourceId": "d-1"}, {"DataSourceId": "d-2"}, datasets=known)
    assert [i.target for i in plan.inputs] == ["/mnt/data-2", "/mnt/data"]


@pytest.mark.parametrize(
    ("version", "uri"), [("v1", "oss://b/1"), ("v2", "oss://b/2"), (None, "oss://b/1")]
)
def test_a_version_has_a_uri_of_its_own(version: str | None, uri: str) -> None:
    known = Dataset(uri="oss://b/1", versions={"v2": "oss://b/2"})
    source = {"DataSourceId": D, "DataSourceVersion": version}
    assert fetched(source, datasets={D: known}).uri == uri


def test_an_unknown_version_names_those_that_are_known() -> None:
    known = Dataset(uri="oss://b/1", versions={"v2": "oss://b/2", "v10": "oss://b/10"})
    found = problem({"DataSourceId": D, "DataSourceVersion": "v100"}, datasets={D: known})
    assert found.path == "DataSources[0].DataSourceVersion"
    assert "has no version v100 here; there are: v1, v2, v10. Did you mean v10?" in found.message


def test_an_unregistered_dataset_says_what_to_write_where() -> None:
    found = problem({"DataSourceId": D})
    assert f"--map {D}=FOLDER" in found.message
    assert f'[datasets."{D}"] uri = ' in found.message


def test_a_dataset_may_be_a_folder_of_this_machine() -> None:
    plan = with_data({"DataSourceId": D}, datasets={D: Dataset(uri="file:///data/x")})
    assert (plan.inputs[0].fetch, plan.inputs[0].source) == (None, "/data/x")


def test_the_map_goes_before_a_dataset_by_id_and_by_uri() -> None:
    known = {D: Dataset(uri=OSS)}
    for name in (D, OSS):
        plan = with_data({"DataSourceId": D}, datasets=known, map={name: HOME})
        assert (plan.inputs[0].fetch, plan.inputs[0].source) == (None, str(HOME))


def test_a_sample_is_the_sources_own_or_that_of_the_run_and_is_told() -> None:
    known = {OSS.rstrip("/"): Dataset(sample=Sample(files=3), include=("*.a",), exclude=("x/",))}
    run = Sample(share=0.01)
    assert fetched({"Uri": "oss://b/"}, sample=run).sample == run
    plan = with_data({"Uri": OSS, "MountPath": "/m"}, sample=run, datasets=known)
    assert plan.inputs[0].fetch == Fetch(OSS, None, ("*.a",), ("x/",), Sample(files=3))
    assert plan.notes == (
        f"DataSources[0]: the job sees a sample of 3files of {OSS}, all of it only if there is no "
        "more.",
    )
    assert "(writable, fetched, a sample of 3files, only *.a, without x/)" in str(plan)


def test_what_nobody_can_write_is_refused_before_it_is_to_be_written_back() -> None:
    web = "https://example.org/d/"
    with pytest.raises(InputError) as caught:
        with_data({"Uri": web, "MountPath": "/m"}, write_back=True)
    [problem] = caught.value.problems
    assert problem.path == "DataSources[0]"
    assert "nothing can be written back to https://, as --write-back wants" in problem.message
    assert fetched({"Uri": web}).uri == web
    assert with_data({"Uri": web, "MountPath": "/m", "MountAccess": "RO"}, write_back=True)
    assert with_data({"Uri": OSS, "MountPath": "/m"}, write_back=True)


CONCURRENCY = "fs.oss.download.thread.concurrency"


@pytest.mark.parametrize(
    ("source", "job", "asked"),
    [
        (None, None, None),
        (json.dumps({CONCURRENCY: 4}), None, 4),
        (json.dumps({CONCURRENCY: "4"}), f"{CONCURRENCY}=9", 4),
        ('{"mountType": "ossfs"}', f"fs.oss.download.queue.size=16, {CONCURRENCY}=9", 9),
        (None, f"{CONCURRENCY}=many", None),
        (None, f"{CONCURRENCY}=1000", 64),
        (None, f"{CONCURRENCY}=0", 1),
    ],
)
def test_options_say_how_many_downloads_run_at_a_time(
    source: str | None, job: str | None, asked: int | None
) -> None:
    assert parallel(source, job) == asked
    options = {"Options": source} if source else {}
    members = {"Options": job} if job else {}
    assert fetched({"Uri": OSS, **options}, members=members).parallel == asked


def test_a_password_in_a_uri_is_not_shown() -> None:
    plan = with_data({"Uri": "https://ann:pa55w0rd@host/data/", "MountPath": "/m"})
    assert plan.inputs[0].uri == "https://host/data/"
    assert "pa55w0rd" in plan.secret_values()
    assert "pa55w0rd" not in str(plan)
