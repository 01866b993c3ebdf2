"""A download that is cut, killed or out of disk: nothing half-visible, and nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetching import OSS, Jobs, some
from oss import Bucket, Cut, Drip, OssServer

from localdlc.errors import InputError
from localdlc.stage import download

pytestmark = pytest.mark.servers

# A process of its own that fetches like a job, and can be killed like one.
JOB = """
import sys
from pathlib import Path
from localdlc.config import Config
from localdlc.plan.model import Fetch, Input
from localdlc.stage import download
from localdlc.stage.fetching import FetchTask

home, job_id, uri = sys.argv[1:4]
download.PIECE = 100_000
place = Path(home, "jobs", job_id, "data", "0")
task = FetchTask(
    Input("data", uri, "/m", True, str(place), fetch=Fetch(uri)), Config(home=Path(home)), job_id
)
task(lambda event: None)
task.leave()
"""


def started(home: Path, number: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", JOB, str(home), f"dlc{number}", OSS])


def whole(home: Path, contents: dict[str, bytes]) -> bool:
    """Whether there is a tree; one that is there has to be whole."""
    trees = list(home.glob("cache/data/*/tree-*"))
    for tree in trees:
        found = {p.relative_to(tree / "files").as_posix(): p for p in tree.glob("files/**/*")}
        files = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
        assert files == contents
    for link in home.glob("jobs/*/data/*"):
        assert link.resolve().parent in trees
    return bool(trees)


def finished(home: Path) -> list[list[object]]:
    """What the journal of an unfinished download says that is there: files and pieces."""
    lines = []
    for journal in home.glob("cache/data/*/incoming/journal"):
        for line in journal.read_text().splitlines()[1:]:
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
    return lines


@pytest.fixture
def contents(bucket: Bucket) -> dict[str, bytes]:
    made = {f"{n % 5}/{n:03}": some(1000 + n) for n in range(150)}
    made |= {f"large-{n}": some(450_000) for n in range(3)}
    for name, content in made.items():
        bucket.put(f"d/{name}", content)
    return made


@pytest.mark.parametrize("seed", range(8))
def test_a_process_killed_at_any_moment_leaves_no_half_and_does_not_start_over(
    seed: int, oss: OssServer, bucket: Bucket, contents: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(seed)
    killed = Killed(chance.randrange(165))
    oss.faults.add(killed, operation="GetObject")
    process = started(tmp_path)
    killed.watch(process)
    code = process.wait(60)
    oss.faults.clear()
    assert code in (0, -signal.SIGKILL)
    done = finished(tmp_path)
    if not whole(tmp_path, contents):
        assert code != 0
    oss.seen.clear()
    assert started(tmp_path, 1).wait(60) == 0
    assert whole(tmp_path, contents)
    # Whatever the journal had is not fetched again. A large file whose pieces were all there, but
    # which had not been verified, gives one of them twice. The server may still be at requests of
    # the killed process, which are for what the journal cannot have had.
    asked = {(one.key.removeprefix("d/"), one.range) for one in oss.seen.requests if one.key}
    if code:
        files = {str(line[0]) for line in done if len(line) == 3}
        assert not files & {name for name, _ in asked}
        pieces = {(str(line[0]), line[3]) for line in done if len(line) == 4}
        again = {(n, int(r.removeprefix("bytes=").split("-")[0])) for n, r in asked if r} & pieces
        assert len(again) <= 3


class Killed(Drip):
    """Kills the client when so many objects have been asked for."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after
        self.process: subprocess.Popen[bytes] | None = None

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        self.left -= 1
        for block in blocks:
            yield block[: len(block) // 2]
            if self.left <= 0 and self.process:
                os.kill(self.process.pid, signal.SIGKILL)
            yield block[len(block) // 2 :]


@pytest.mark.parametrize("seed", range(8))
def test_connections_cut_at_random_bytes_cost_little(
    seed: int,
    oss: OssServer,
    contents: dict[str, bytes],
    job: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(download, "PIECE", 100_000)
    for _ in range(20):
        cut = Cut(at=chance.randrange(100_000), reset=chance.random() < 0.5)
        oss.faults.add(cut, operation="GetObject", skip=chance.randrange(160), times=1)
    one = job()
    one.fetch()
    assert one.files == contents
    assert oss.seen.count("GetObject") <= 165 + 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_told_before(
    small_disk: Path, oss: OssServer, contents: dict[str, bytes], job: Jobs
) -> None:
    with pytest.raises(InputError, match=r"needs .* and the disk of .* has .* are missing"):
        job(home=small_disk).fetch()
    assert oss.seen.count("GetObject") == 0
    assert not whole(small_disk, {})


def test_a_disk_that_fills_up_meanwhile_stops_the_download_which_goes_on_later(
    small_disk: Path, oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {f"{n:02}": some(20_000) for n in range(30)}
    for name, content in contents.items():
        bucket.put(f"d/{name}", content)
    other = small_disk / "of-somebody-else"
    other.write_bytes(b"x" * 600_000)
    monkeypatch.setattr(download, "room_at", lambda folder: (1 << 40, 4096))
    one = job(home=small_disk)
    with pytest.raises(InputError, match=r"the disk of .* is full. What is finished stays"):
        one.fetch()
    assert not whole(small_disk, contents)
    there = {str(line[0]) for line in finished(small_disk)}
    assert there
    other.unlink()
    oss.seen.clear()
    two = job(home=small_disk)
    two.fetch()
    assert two.files == contents
    asked = {found.key.removeprefix("d/") for found in oss.seen.requests if found.key}
    assert asked == contents.keys() - there
