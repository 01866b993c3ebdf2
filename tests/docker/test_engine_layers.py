"""What a job writes over fetched data goes into a layer of its own; the cache stays as fetched."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest
from engines import CommandLine, Done, Going, job
from oss import Bucket, OssServer, Refuse

pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]

JOB = "dlclayers"
Source = dict[str, str]
SET = {"Uri": "oss://data/set/", "MountPath": "/mnt/data"}
RO = {**SET, "MountAccess": "RO"}
FILE = {"Uri": "oss://data/set/given.txt", "MountPath": "/mnt/one.txt"}
GIVEN = {"set/given.txt": b"given\n", "set/sub/other.txt": b"other\n", "set/sub/third.txt": b"3\n"}


@pytest.fixture
def oss() -> Iterator[OssServer]:
    with OssServer() as server:
        yield server


@pytest.fixture
def bucket(oss: OssServer) -> Bucket:
    made = oss.bucket("data")
    for key, content in GIVEN.items():
        made.put(key, content)
    return made


@dataclass
class Trainer:
    """Runs jobs over the data of a bucket."""

    localdlc: CommandLine
    oss: OssServer
    client: docker.APIClient
    jobs: list[str] = field(default_factory=list)

    def __call__(self, command: str, *flags: str, workers: int = 0, source: Source = SET) -> Done:
        return self.start(command, *flags, workers=workers, source=source).finish()

    def start(self, command: str, *flags: str, workers: int = 0, source: Source = SET) -> Going:
        roles = {"Master": 1, "Worker": workers} if workers else None
        request = job(
            f"cd /mnt/data 2> /dev/null || cd /mnt; {command}", roles, DataSources=[source]
        )
        self.jobs.append(f"{JOB}{len(self.jobs)}")
        return self.localdlc.start_job(request, "--job-id", self.jobs[-1], *flags, **self.keys)

    @property
    def keys(self) -> dict[str, str]:
        account = self.oss.account
        keys = {"OSS_ACCESS_KEY_ID": account.key, "OSS_ACCESS_KEY_SECRET": account.secret}
        return {"OSS_ENDPOINT": self.oss.endpoint, **keys}

    @property
    def layer(self) -> Path:
        """Of the latest job."""
        return self.localdlc.home / "jobs" / self.jobs[-1] / "layers" / "0"

    def written(self) -> dict[str, str]:
        """Everything in the latest job's folder of layers, by path."""
        found = [path for path in self.layer.parent.rglob("*") if not path.is_dir()]
        return {str(path.relative_to(self.layer)): path.read_text() for path in found}

    def cached(self) -> dict[str, str]:
        """The fetched tree: what is in it, whose it is, and when it was changed."""
        found = {}
        for path in (self.localdlc.home / "cache" / "data").rglob("*.txt"):
            status, digest = path.lstat(), hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = f"{digest} {status.st_uid} {status.st_mode:o} {status.st_mtime_ns}"
        assert len(found) >= len(GIVEN)
        return found

    def volumes(self) -> list[str]:
        found = self.client.volumes()["Volumes"] or ()
        return [v["Name"] for v in found if JOB in v["Name"]]


@pytest.fixture
def train(
    localdlc: CommandLine, oss: OssServer, bucket: Bucket, docker_client: docker.APIClient
) -> Trainer:
    return Trainer(localdlc, oss, docker_client)


WRITES = (
    "if [ $RANK = 0 ]; then echo more >> given.txt; rm sub/other.txt; mkdir -p new/empty;"
    " echo made > new/file; fi; until [ -e new/file ]; do sleep .05; done; cat given.txt; ls sub"
)
SEEN = ["given", "more", "third.txt"]


def test_replicas_share_what_they_write_and_the_cache_stays_as_fetched(
    train: Trainer, bucket: Bucket
) -> None:
    assert train("true", source=RO).code == 0
    cached = train.cached()
    done = train(WRITES, "-q", workers=1)
    assert done.code == 0
    assert sorted(done.lines) == [f"{pod} | {s}" for pod in ("master-0", "worker-0") for s in SEEN]
    assert train.cached() == cached
    assert train.written() == {"given.txt": "given\nmore\n", "new/file": "made\n"}
    assert train.volumes() == []
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN


def test_what_was_written_and_deleted_is_told(train: Trainer) -> None:
    done = train(WRITES)
    told = [line.partition("note: ")[2] for line in done.err.splitlines()]
    assert told[-2:] == [
        f"the job wrote 2 files (16 B) over oss://data/set/, kept in {train.layer}:"
        " given.txt, new/file",
        "the job deleted 1 file of its view of oss://data/set/: sub/other.txt",
    ]


def test_a_folder_that_was_deleted_and_made_anew_hides_what_was_in_it(train: Trainer) -> None:
    done = train("rm -r sub; mkdir sub; touch sub/third.txt; ls sub")
    assert "master-0 | third.txt" in done.lines
    assert train.written() == {"sub/third.txt": ""}
    assert "deleted 1 file of its view of oss://data/set/: sub/other.txt" in done.err


def test_a_layer_in_which_nothing_was_written_is_gone(train: Trainer) -> None:
    done = train("touch -c none; mkdir empty; rm given.txt")
    assert done.code == 0
    assert "the job deleted 1 file" in done.err
    assert not train.layer.parent.exists()
    assert "wrote" not in train("true").err


def test_the_next_job_sees_the_data_as_it_was_fetched(train: Trainer) -> None:
    train(WRITES)
    assert train("cat given.txt; ls sub", "-q").lines == [
        "master-0 | given",
        "master-0 | other.txt",
        "master-0 | third.txt",
    ]


def test_read_only_data_has_no_layer(train: Trainer) -> None:
    done = train("touch given.txt; echo code $?", source=RO)
    assert "master-0 | code 1" in done.lines
    assert "Read-only file system" in done.text
    assert not train.layer.parent.exists()


def test_a_home_with_a_difficult_name(train: Trainer, tmp_path: Path) -> None:
    train.localdlc.home = tmp_path / "a b,c:d\\e" / "home"
    done = train("cat given.txt; echo x > y", "-q")
    assert done.lines == ["master-0 | given"]
    assert train.written() == {"y": "x\n"}


# where the engine cannot


@pytest.fixture
def refusing(train: Trainer, tmp_path: Path) -> Iterator[Trainer]:
    """A home on an overlay, above which the kernel lays no other."""
    if os.getuid():
        pytest.skip("only root mounts a file system")
    folders = {name: tmp_path / name for name in ("lower", "upper", "work", "home")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    options = ",".join(f"{name}dir={folders[name]}" for name in ("lower", "upper", "work"))
    mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(folders["home"])]
    subprocess.run(mount, check=True)
    yield train
    subprocess.run(["umount", "-l", str(folders["home"])], check=True)


def test_what_the_engine_cannot_mount_is_copied(refusing: Trainer) -> None:
    train = refusing
    assert train("true", source=RO).code == 0
    cached = train.cached()
    done = train(WRITES, workers=1)
    assert done.code == 0
    assert "the engine cannot lay a writable layer over data" in done.err
    assert sorted(line for line in done.lines if "|" in line) == [
        f"{pod} | {s}" for pod in ("master-0", "worker-0") for s in SEEN
    ]
    assert train.cached() == cached
    assert train.written() == {"given.txt": "given\nmore\n", "new/file": "made\n"}
    assert "deleted 1 file of its view of oss://data/set/: sub/other.txt" in done.err
    assert train.volumes() == []


def test_a_single_file_is_copied(train: Trainer) -> None:
    done = train("cat /mnt/one.txt; echo more >> /mnt/one.txt", source=FILE)
    assert "master-0 | given" in done.lines
    assert list(train.written().values()) == ["given\nmore\n"]
    assert "over oss://data/set/given.txt, kept in" in done.err
    assert train("cat /mnt/one.txt", "-q", source=FILE).lines == ["master-0 | given"]


# what killed runs leave


def test_a_killed_run_leaves_a_volume_that_is_swept_and_what_was_written(train: Trainer) -> None:
    going = train.start("echo x > y; rm given.txt; echo up; sleep 60").wait_for("| up")
    going.process.kill()
    going.finish()
    volume = f"localdlc-{train.jobs[-1]}-0"
    assert train.volumes() == [volume]
    # Nobody can carry on with it, as if it had been one of another version.
    (train.localdlc.home / "jobs" / train.jobs[-1] / "inheritance").write_bytes(b"unreadable")
    assert f"would remove volume {volume}" in train.localdlc("gc", "--dry-run").lines
    said = train.localdlc("gc").lines
    kinds = [line.split()[1] for line in said if line.startswith("removed ")]
    assert kinds == ["container", "volume", "network"]
    assert train.volumes() == []
    assert train.written() == {"y": "x\n"}


def test_who_carries_on_tells_what_was_written_and_removes_the_volume(train: Trainer) -> None:
    going = train.start("echo x > y; echo up; sleep 3; echo z > w").wait_for("| up")
    going.process.kill()
    going.finish()
    assert train.localdlc("wait", train.jobs[-1]).code == 0
    assert "the job wrote 2 files (4 B) over oss://data/set/" in train.localdlc("show", "last").text
    assert train.volumes() == []
    assert train.written() == {"y": "x\n", "w": "z\n"}


def test_a_kept_container_keeps_its_volume(train: Trainer, bucket: Bucket) -> None:
    done = train("echo x > y", "--keep", "always", "--write-back")
    assert "the job wrote 1 file (2 B) over oss://data/set/" in done.err
    assert bucket.objects["set/y"].content == b"x\n"
    assert len(train.volumes()) == 1
    assert train.localdlc("gc").lines == ["nothing to remove"]
    train.localdlc("gc", "--kept")
    assert train.volumes() == []
    assert train.written() == {"y": "x\n"}


# back to where it came from


def test_what_was_written_is_uploaded_and_nothing_is_deleted(
    train: Trainer, bucket: Bucket
) -> None:
    done = train(f"{WRITES}; ln -s file new/link; chmod 600 new/file", "--write-back")
    assert done.code == 0, done.err
    written = {"set/given.txt": b"given\nmore\n", "set/new/file": b"made\n"}
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN | written
    assert "writing back 2 files" in done.err
    assert "nothing is deleted there; left out, as no plain files: new/link" in done.err
    assert "written back to oss://data/set/: 2 files\n" in done.err
    assert train("cat new/file", "-q").lines == ["master-0 | made"]


def test_a_single_file_is_uploaded_to_its_own_place(train: Trainer, bucket: Bucket) -> None:
    assert train("echo more >> /mnt/one.txt", "--write-back", source=FILE).code == 0
    changed = {"set/given.txt": b"given\nmore\n"}
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN | changed
    bucket.put("set/given.txt", b"")
    assert train.localdlc("write-back", "last", **train.keys).code == 0
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN | changed


@pytest.mark.parametrize("command", ["echo x > y; exit 3", "echo x > y; echo up; sleep 60"])
def test_a_job_that_did_not_succeed_uploads_nothing(
    train: Trainer, bucket: Bucket, command: str
) -> None:
    going = train.start(command, "--write-back")
    if "up" in command:
        going.wait_for("| up").process.terminate()
    assert "nothing is written back: the job has not succeeded" in going.finish().err
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN
    assert train.written() == {"y": "x\n"}


def test_an_upload_that_failed_can_be_done_again(
    train: Trainer, bucket: Bucket, oss: OssServer
) -> None:
    oss.faults.add(Refuse(403, "AccessDenied"), operation="PutObject")
    done = train("echo x > y", "--write-back")
    assert done.code == 4
    assert "y could not be written back to oss://data/set/: " in done.err
    again = f"localdlc write-back {train.jobs[-1]}"
    assert again in done.err
    oss.faults.clear()
    done = train.localdlc(*again.split()[1:], **train.keys)
    assert done.code == 0, done.err
    assert bucket.objects["set/y"].content == b"x\n"


def test_a_job_that_failed_is_not_written_back_afterwards_either(
    train: Trainer, bucket: Bucket
) -> None:
    train("echo x > y; exit 1")
    done = train.localdlc("write-back", "last", **train.keys)
    assert done.code == 2
    assert "has not succeeded" in done.err
    assert {key: bucket.objects[key].content for key in bucket.keys} == GIVEN
