"""The samples run as they stand, from job.json to the verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from engines import CommandLine, Done
from oss import OssServer

pytestmark = [pytest.mark.engine, pytest.mark.samples, pytest.mark.timeout(600)]

SAMPLES = Path(__file__).parents[2] / "samples"


def run(localdlc: CommandLine, name: str, *flags: str, **variables: str) -> Done:
    folder = SAMPLES / name
    config = ["--config", str(folder / "localdlc.toml")]
    return localdlc("run", str(folder / "job.json"), *config, *flags, **variables)


def accuracy(done: Done, pod: str) -> float:
    """What ``pod`` says in the end of digits that it has never seen."""
    told = re.findall(rf"^{pod} +\| accuracy (\d\.\d+)$", done.text, re.MULTILINE)
    assert len(told) == 1, done.text[-3000:] + done.err
    return float(told[0])


def test_pytorch_ddp_learns_on_three_replicas(localdlc: CommandLine) -> None:
    done = run(localdlc, "pytorch-ddp")
    assert done.code == 0, done.err
    assert accuracy(done, "master-0") > 0.8
    assert "Succeeded: PyTorchJob" in done.err


def test_tf_ps_is_decided_by_its_chief_and_ends_what_waits(localdlc: CommandLine) -> None:
    done = run(localdlc, "tf-ps")
    assert done.code == 0, done.err
    assert accuracy(done, "chief-0") > 0.8
    assert "decided by chief-0" in done.err
    shown = localdlc("show", "last").text
    for pod in ("ps-0", "worker-0", "worker-1"):
        assert re.search(rf"{pod} .*stopped by localdlc", shown), shown


def test_tf_mwms_learns_on_chief_and_worker(localdlc: CommandLine) -> None:
    done = run(localdlc, "tf-mwms")
    assert done.code == 0, done.err
    assert accuracy(done, "chief-0") > 0.8


@pytest.mark.keeps_files
def test_pytorch_oss_fetches_once_learns_and_writes_back(localdlc: CommandLine) -> None:
    with OssServer() as oss:
        bucket = oss.bucket("localdlc-samples")
        bucket.put("digits/digits.csv.gz", (SAMPLES / "data" / "digits.csv.gz").read_bytes())
        keys = oss.account.variables(oss.endpoint)

        first = run(localdlc, "pytorch-oss", **keys)
        assert first.code == 0, first.err
        assert accuracy(first, "master-0") > 0.9
        assert oss.seen.listings == 1
        assert oss.seen.fetched == ["digits/digits.csv.gz"]
        assert "digits/model.pt" not in bucket.objects

        oss.seen.clear()
        second = run(localdlc, "pytorch-oss", "--write-back", **keys)
        assert second.code == 0, second.err
        assert oss.seen.fetched == []
        assert bucket.keys == ["digits/digits.csv.gz", "digits/model.pt"]
        assert "nothing fetched" in second.err


@pytest.mark.keeps_files
def test_pytorch_resume_loses_a_replica_and_goes_on_from_its_checkpoint(
    localdlc: CommandLine,
) -> None:
    with OssServer() as oss:
        bucket = oss.bucket("localdlc-samples")
        bucket.put("digits/digits.csv.gz", (SAMPLES / "data" / "digits.csv.gz").read_bytes())
        done = run(localdlc, "pytorch-resume", **oss.account.variables(oss.endpoint))
    assert done.code == 0, done.err
    assert accuracy(done, "master-0") > 0.9
    begun = re.findall(r"^(\S+) +\| rank \d begins with epoch (\d+)$", done.text, re.MULTILINE)
    assert sorted(begun) == [(f"{pod}-0", n) for pod in ("master", "worker") for n in ("1", "6")]
    epochs = re.findall(r"^master-0 +\| epoch +(\d+) ", done.text, re.MULTILINE)
    assert [int(epoch) for epoch in epochs] == list(range(1, 13))
    assert "Restarting: PyTorchJob" in done.err
    assert "worker-0/2  " in localdlc("show", "last").text
    assert "kept in" in done.err
    assert "checkpoint.pt" in done.err


def test_elastic_batch_workers_empty_the_masters_queue(localdlc: CommandLine) -> None:
    done = run(localdlc, "elastic-batch")
    assert done.code == 0, done.err
    batches = re.findall(r"^master-0 +\| (\d+) batches by (worker-\d)$", done.text, re.MULTILINE)
    assert sum(int(count) for count, _ in batches) == 30
    assert {worker for _, worker in batches} <= {"worker-0", "worker-1", "worker-2"}
    assert accuracy(done, "master-0") > 0.9


def test_oneflow_replicas_meet_by_their_variables(localdlc: CommandLine) -> None:
    done = run(localdlc, "oneflow")
    assert done.code == 0, done.err
    found = re.findall(r"^\S+ +\| slope (\S+) offset (\S+)$", done.text, re.MULTILINE)
    assert found == [("2.000", "-1.000")] * 3
