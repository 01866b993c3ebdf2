"""Ids are resolved by the vendor's own client, at an AIWorkSpace that checks its signatures."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from given import request
from workspace import Workspace, workspace

from localdlc.cli import main
from localdlc.config import Cloud, CodeSource, Config, Dataset, Oss
from localdlc.errors import InputError, UsageError
from localdlc.spec import read_request
from localdlc.stage.cloud import Resolved, resolve

pytest.importorskip("alibabacloud_aiworkspace20210204")

DATASET = {
    "DatasetId": "d-1",
    "Uri": "oss://bucket.oss-cn-hangzhou.aliyuncs.com/set/",
    "Options": '{"mountPath": "/mnt/set/"}',
    "MountAccess": "RO",
    "Property": "DIRECTORY",
}
VERSION = {"VersionName": "v2", "Uri": "oss://bucket.oss-cn-hangzhou.aliyuncs.com/set2/"}
CODE: dict[str, Any] = {
    "CodeRepo": "https://git.example.org/team/train.git",
    "CodeBranch": "main",
    "CodeRepoUserName": "ann",
    "CodeRepoAccessToken": "glpat-planted",
    "MountPath": "/root/code",
    "CloneType": 1,
}
KEYS = {"OSS_ACCESS_KEY_ID": "ws-id-planted", "OSS_ACCESS_KEY_SECRET": "ws-secret-planted"}


@pytest.fixture
def server() -> Iterator[Workspace]:
    with workspace() as running:
        running.answers = {
            "/api/v1/datasets/d-1": DATASET,
            "/api/v1/datasets/d-1/versions/v2": VERSION,
            "/api/v1/codesources/code-1": CODE,
        }
        yield running


@pytest.fixture
def config(server: Workspace, tmp_path: Path) -> Config:
    return Config(tmp_path, resolve="cloud", cloud=Cloud(workspace_endpoint=server.endpoint))


def asked(config: Config, keys: Mapping[str, str] = KEYS, **members: Any) -> Resolved:
    body = json.dumps(request({"Worker": 1}, **members)).encode()
    return resolve(read_request(body).request, config, {"HOME": str(config.home), **keys})


def test_a_dataset_is_what_get_dataset_says(config: Config, server: Workspace) -> None:
    found = asked(config, DataSources=[{"DataSourceId": "d-1"}])
    known = Dataset(DATASET["Uri"], "/mnt/set/", "RO", "DIRECTORY")
    assert found.datasets == {"d-1": known}
    assert found.notes == (f"d-1 is {DATASET['Uri']} (GetDataset).",)
    assert server.asked == [("GetDataset", "/api/v1/datasets/d-1")]
    assert found.added_to(config).datasets == {"d-1": known}


def test_a_version_has_its_own_uri(config: Config, server: Workspace) -> None:
    found = asked(config, DataSources=[{"DataSourceId": "d-1", "DataSourceVersion": "v2"}])
    assert found.datasets["d-1"].versions == {"v2": VERSION["Uri"]}
    assert found.datasets["d-1"].mount_path == "/mnt/set/"
    assert server.asked[-1] == ("GetDatasetVersion", "/api/v1/datasets/d-1/versions/v2")


def test_a_code_source_is_what_get_code_source_says(config: Config) -> None:
    found = asked(config, CodeSource={"CodeSourceId": "code-1"})
    assert found.code_sources == {
        "code-1": CodeSource(
            CODE["CodeRepo"],
            branch="main",
            mount_path="/root/code",
            clone_type=1,
            user="ann",
            token="glpat-planted",
        )
    }
    assert "glpat-planted" not in repr(found) + "".join(found.notes)


def test_what_the_configuration_knows_is_not_asked_for(server: Workspace, tmp_path: Path) -> None:
    config = Config(
        tmp_path,
        datasets={"d-1": Dataset("oss://b/")},
        map={"d-2": tmp_path},
        code_sources={"code-1": CodeSource("/repo")},
    )
    members = {
        "DataSources": [{"DataSourceId": "d-1"}, {"DataSourceId": "d-2"}, {"Uri": "file:///a"}],
        "CodeSource": {"CodeSourceId": "code-1"},
    }
    assert asked(config, {}, **members) == Resolved()
    assert server.asked == []


@pytest.mark.parametrize(
    ("keys", "id_", "says"),
    [
        (
            KEYS,
            "d-9",
            "d-9 cannot be resolved at http.*: NotFound: .*there is no /api/v1/datasets/",
        ),
        ({**KEYS, "OSS_ACCESS_KEY_SECRET": "x"}, "d-1", "SignatureDoesNotMatch"),
        ({}, "d-1", "there are no keys"),
    ],
)
def test_what_the_cloud_refuses_is_told(
    config: Config, keys: Mapping[str, str], id_: str, says: str
) -> None:
    with pytest.raises(InputError, match=says) as raised:
        asked(config, keys, DataSources=[{"DataSourceId": id_}])
    assert "planted" not in str(raised.value)


def test_a_cloud_that_does_not_answer_is_told(tmp_path: Path) -> None:
    config = Config(tmp_path, cloud=Cloud(workspace_endpoint="http://127.0.0.1:9"))
    with pytest.raises(InputError, match=r"d-1 cannot be resolved at http://127\.0\.0\.1:9"):
        asked(config, DataSources=[{"DataSourceId": "d-1"}])


def test_without_a_region_nobody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"say which, with \[oss\] region"):
        asked(Config(tmp_path, oss=Oss()), DataSources=[{"DataSourceId": "d-1"}])


def test_without_the_client_it_is_told_what_to_install(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "alibabacloud_aiworkspace20210204.client", None)
    with pytest.raises(UsageError, match=r"pip install 'localdlc\[cloud\]'"):
        asked(config, DataSources=[{"DataSourceId": "d-1"}])


# the command line


@pytest.fixture
def project(server: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {**KEYS, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    members: dict[str, Any] = {"DataSources": [{"DataSourceId": "d-1"}]}
    members |= {"CodeSource": {"CodeSourceId": "code-1"}}
    (tmp_path / "job.json").write_text(json.dumps(request({"Worker": 1}, **members)))
    toml = f'cloud.workspace_endpoint = "{server.endpoint}"\n'
    (tmp_path / "localdlc.toml").write_text(toml)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def localdlc(*arguments: str) -> str | int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code or 0


def test_resolve_prints_tables_and_writes_them_without_the_token(
    project: Path, server: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert localdlc("resolve", "job.json") == 0
    printed = capsys.readouterr().out
    assert tomllib.loads(printed)["datasets"]["d-1"]["mount_path"] == "/mnt/set/"
    assert localdlc("resolve", "job.json", "--write") == 0
    written = (project / "localdlc.toml").read_text()
    assert written.endswith(printed)
    assert "planted" not in written + printed + capsys.readouterr().out
    asked = len(server.asked)
    assert localdlc("resolve", "job.json") == 0
    assert capsys.readouterr().out == "localdlc.toml knows every id of this request.\n"
    assert len(server.asked) == asked


def test_plan_asks_the_cloud_only_when_told_to(
    project: Path, server: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ("plan", "job.json", "--set", "DataSources=[]")
    assert localdlc(*code) == 4
    assert server.asked == []
    assert "code-1 is not registered here" in capsys.readouterr().err
    assert localdlc(*code, "--resolve", "cloud") == 0
    assert [action for action, _ in server.asked] == ["GetCodeSource"]
    shown = capsys.readouterr().out
    assert f"code-1 is {CODE['CodeRepo']} (GetCodeSource)." in shown
    assert "planted" not in shown
