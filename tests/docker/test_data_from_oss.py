"""A whole job whose data is in OSS."""

from __future__ import annotations

import pytest
from engines import CommandLine, job
from fetching import OSS
from oss import Bucket, OssServer

pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]


def test_every_replica_sees_the_data_and_the_second_run_fetches_nothing(
    localdlc: CommandLine, oss: OssServer, bucket: Bucket
) -> None:
    for n in range(20):
        bucket.put(f"d/{n % 4}/{n:02}.txt", b"%d\n" % n)
    bucket.put("model.bin", b"weights\n")
    body = job(
        "cat /mnt/in/*/*.txt | sort -n | tail -1; cat /mnt/model; env | grep -c OSS_ || true",
        DataSources=[
            {"Uri": OSS, "MountPath": "/mnt/in", "MountAccess": "RO"},
            {"Uri": "oss://data/model.bin", "MountPath": "/mnt/model", "MountAccess": "RO"},
        ],
    )
    for cached in (False, True):
        done = localdlc.run(body)
        assert done.code == 0
        texts = [line.partition(" | ")[2] for line in done.lines]
        assert [text for text in texts if text] == ["19", "weights", "0"]
        words = "unchanged, nothing fetched" if cached else "fetched 20 files, 50 B"
        assert words in done.err
    assert oss.seen.count("GetObject") == 21
    assert not list(localdlc.home.glob("jobs/*/data/*"))


def test_a_sample_is_what_the_job_sees_and_the_end_says_so(
    localdlc: CommandLine, oss: OssServer, bucket: Bucket
) -> None:
    for n in range(20):
        bucket.put(f"d/{n % 4}/{n:02}.txt", b"1\n")
    source = {"Uri": OSS, "MountPath": "/mnt/in", "MountAccess": "RO"}
    done = localdlc.run(job("cat /mnt/in/*/* | wc -l", DataSources=[source]), "--sample", "4files")
    assert done.lines[0].endswith("4")
    assert f"{OSS}: the job saw a sample of 4files" in done.err
    assert oss.seen.count("GetObject") == 4
