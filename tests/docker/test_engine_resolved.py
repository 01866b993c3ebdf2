"""A whole job that names its data and code by ids which only the cloud knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import CommandLine, job
from fetching import OSS
from git_server import new_repository, serving
from oss import Bucket, OssServer
from workspace import Workspace, workspace

pytest.importorskip("alibabacloud_aiworkspace20210204")
pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]

TOKEN = "glpat-of-the-code-source"
BODY = job(
    "cat /mnt/set/a; sh /root/code/train/say.sh; touch /mnt/set/b 2>/dev/null || echo RO; env",
    CodeSource={"CodeSourceId": "code-1", "MountPath": "/root/code"},
    DataSources=[{"DataSourceId": "d-1", "DataSourceVersion": "v2"}],
)


def answering(server: Workspace, oss: OssServer, repository: str) -> None:
    server.users = {oss.account.key: oss.account.secret}
    server.answers = {
        "/api/v1/datasets/d-1": {
            "DatasetId": "d-1",
            "Uri": "oss://data/old/",
            "Options": '{"mountPath": "/mnt/set/"}',
            "MountAccess": "RO",
            "Property": "DIRECTORY",
        },
        "/api/v1/datasets/d-1/versions/v2": {"VersionName": "v2", "Uri": OSS},
        "/api/v1/codesources/code-1": {
            "CodeRepo": repository,
            "CodeBranch": "main",
            "CodeRepoUserName": "ann",
            "CodeRepoAccessToken": TOKEN,
            "MountPath": "/elsewhere",
            "CloneType": 0,
        },
    }


def test_a_run_asks_the_cloud_what_its_ids_are_and_brings_it(
    localdlc: CommandLine, oss: OssServer, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("d/a", b"data of version 2\n")
    bucket.put("old/a", b"data of version 1\n")
    new_repository(tmp_path / "served" / "train", say_sh="echo code of ann\n")
    with workspace() as server, serving(tmp_path / "served", ("ann", TOKEN)) as git:
        answering(server, oss, f"{git.url}/train")
        toml = f'[cloud]\nworkspace_endpoint = "{server.endpoint}"\n'
        (tmp_path / "localdlc.toml").write_text(toml)

        unknown = localdlc.run(BODY)
        assert unknown.code == 4
        assert "d-1" in unknown.err
        assert server.asked == []

        done = localdlc.run(BODY, "--resolve", "cloud")
        assert done.code == 0, done.err
        said = [line.partition(" | ")[2] for line in done.lines]
        assert said[:3] == ["data of version 2", "code of ann", "RO"]
        assert "d-1 is oss://data/old/ (GetDataset)" in done.err
        asked = {action for action, _ in server.asked}
        assert asked == {"GetDataset", "GetDatasetVersion", "GetCodeSource"}

        again = localdlc.run(BODY, "--resolve", "cloud", "--offline")
        assert again.code == 4
    secrets = {TOKEN.encode(), oss.account.secret.encode()}
    assert not [word for word in secrets if word in done.out + done.err.encode()]
    files = [path for path in localdlc.home.rglob("*") if path.is_file()]
    assert not [path for path in files if any(word in path.read_bytes() for word in secrets)]
