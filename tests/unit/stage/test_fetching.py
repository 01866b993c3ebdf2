"""Data from OSS: fetched once, kept, brought up to date, and whole or not there."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fetching import OSS, Jobs, some
from oss import Account, Bucket, Change, Cut, Drip, Hold, OssServer, Refuse, Short, Spoil

from localdlc.config import Config, Oss, Sample
from localdlc.errors import InputError
from localdlc.record.events import Event
from localdlc.stage import download, sources
from localdlc.stage.fetching import PATIENCE
from localdlc.stage.locks import alone

pytestmark = pytest.mark.servers

PIECE = 100_000


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PIECE", PIECE)


def test_what_is_below_the_uri_is_what_the_job_sees(bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/a.csv", b"1")
    bucket.put("d/x/y/empty", b"")
    bucket.put("d/x/日本 語+%2F&.txt", b"3")
    bucket.put("d/folder/", b"")
    bucket.put("other", b"not wanted")
    one = job()
    staged = one.fetch()
    assert one.files == {
        "a.csv": b"1",
        "x/y/empty": b"",
        "x/日本 語+%2F&.txt": b"3",
        "folder/": b"",
    }
    assert (staged.files, staged.bytes, staged.cached) == (3, 2, False)
    assert staged.detail == "fetched 3 files, 2 B"


@pytest.mark.parametrize("uri", ["oss://data/d", "oss://data/d/", "oss://data"])
def test_a_slash_at_the_end_makes_no_difference_to_a_folder(
    uri: str, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"1")
    one = job(uri)
    one.fetch()
    assert set(one.files.values()) == {b"1"}


def test_the_endpoint_may_stand_in_the_uri(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/a", b"1")
    one = job(f"oss://data.127.0.0.1:{oss.port}/d/")
    one.fetch()
    assert one.files == {"a": b"1"}


def test_one_object_is_one_file_and_is_mounted_as_such(bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/train.csv", b"1")
    bucket.put("d/train.csv.bak", b"2")
    for wanted in ({}, {"property": "FILE"}):
        one = job("oss://data/d/train.csv", **wanted)
        one.fetch()
        assert one.place.resolve().name == "train.csv"
        assert one.place.read_bytes() == b"1"


def test_a_second_run_lists_once_and_fetches_nothing(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    for n in range(30):
        bucket.put(f"d/{n}", some(10))
    job().fetch()
    assert oss.seen.count("GetObject") == 30
    oss.seen.clear()
    staged = job().fetch()
    assert [one.operation for one in oss.seen.requests] == ["ListObjectsV2"]
    assert staged.cached
    assert staged.detail == "30 files, 300 B, unchanged, nothing fetched"


def test_small_files_take_one_request_each(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    for n in range(2500):
        bucket.put(f"d/{n % 7}/{n}", b"x")
    job().fetch()
    assert oss.seen.count("GetObject") == 2500
    assert len(oss.seen.requests) == 2503  # and three pages of a listing


def test_only_what_has_changed_is_fetched_and_old_trees_go(
    oss: OssServer, bucket: Bucket, job: Jobs, tmp_path: Path
) -> None:
    for name in ("same", "other", "gone"):
        bucket.put(f"d/{name}", name.encode())
    first = job()
    first.fetch()
    bucket.put("d/other", b"changed")
    bucket.put("d/new", b"new")
    bucket.remove("d/gone")
    oss.seen.clear()
    second = job()
    staged = second.fetch()
    assert {one.key for one in oss.seen.requests if one.key} == {"d/other", "d/new"}
    assert second.files == {"same": b"same", "other": b"changed", "new": b"new"}
    assert staged.detail == "fetched 2 of 3 files (10 B of 14 B)"
    assert (first.place / "same").stat().st_ino == (second.place / "same").stat().st_ino
    # The first job still runs, and sees what it saw.
    assert first.files == {"same": b"same", "other": b"other", "gone": b"gone"}
    first.leave()
    job().fetch()
    assert len(list(tmp_path.glob("home/cache/data/*/tree-*"))) == 1


def test_when_the_job_ends_the_link_goes_and_the_data_stays(bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/a", b"1")
    one = job()
    one.fetch()
    kept = one.place.resolve()
    one.leave()
    assert not one.place.is_symlink()
    assert (kept / "a").read_bytes() == b"1"


def test_include_and_exclude_choose(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    for name in ("a.csv", "x/b.csv", "x/b.txt", "val/c.csv", "x/val/d.csv"):
        bucket.put(f"d/{name}", b"1")
    one = job(include=("*.csv",), exclude=("val/",))
    one.fetch()
    assert set(one.files) == {"a.csv", "x/b.csv"}
    assert oss.seen.count("GetObject") == 2


def test_a_sample_stops_the_listing_when_it_is_full(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    for n in range(20_000):
        bucket.put(f"d/{n // 2000}/{n:05}", b"x")
    one = job(sample=Sample(files=20))
    staged = one.fetch()
    assert (staged.sample, staged.part) == ("20files", True)
    assert len(one.files) == 20
    assert {name.split("/")[0] for name in one.files} == set("0123456789")
    assert oss.seen.count("ListObjectsV2") == 11  # of 31 answers that hold it all


@pytest.mark.parametrize("sample", [Sample(files=3), Sample(bytes=1000), Sample(share=1.0)])
def test_a_sample_that_took_everything_says_so_also_from_the_cache(
    bucket: Bucket, job: Jobs, sample: Sample
) -> None:
    bucket.put("d/a", b"x")
    bucket.put("d/b/c", b"x")
    for offline in (False, False, True):
        staged = job(sample=sample, offline=offline).fetch()
        assert (staged.sample, staged.part, staged.files) == (str(sample), False, 2)


# names


def test_names_that_no_folder_can_have_are_left_out_and_told(bucket: Bucket, job: Jobs) -> None:
    for key in ("../out", "a/../../out", "/absolute", "x//y", "./z", "n\0ul", "l" * 300, "both"):
        bucket.put(f"d/{key}", b"odd")
    bucket.put("d/both/file", b"1")
    one = job()
    one.fetch()
    assert one.files == {"both/file": b"1"}
    assert "no folder can hold" in one.notes[0]
    assert "and 3 more; the job does not see them" in one.notes[0]
    assert not list(one.place.resolve().parents[1].rglob("out"))


# breaks


def test_large_files_come_in_pieces(
    oss: OssServer, bucket: Bucket, job: Jobs, small_pieces: None
) -> None:
    content = some(10 * PIECE + 17)
    bucket.put("d/large", content)
    one = job()
    one.fetch()
    assert one.files == {"large": content}
    assert oss.seen.count("GetObject") == 11


def test_a_download_that_ended_in_the_middle_of_a_piece_keeps_the_beginning_of_it(
    oss: OssServer,
    bucket: Bucket,
    job: Jobs,
    small_pieces: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = some(PIECE + 17)
    bucket.put("d/large", content)
    oss.faults.add(Cut(at=PIECE // 2, reset=False), operation="GetObject")
    with monkeypatch.context() as patch:
        patch.setattr(download, "PAUSES", ())
        with pytest.raises(InputError):
            job().fetch()
    oss.faults.clear()
    oss.seen.clear()
    one = job()
    one.fetch()
    assert one.files == {"large": content}
    again = [found.range for found in oss.seen.requests if found.key == "d/large"]
    assert again
    assert not [stretch for stretch in again if stretch.startswith("bytes=0-")]


def test_a_broken_connection_is_gone_on_from_where_it_broke(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    content = some(300_000)
    bucket.put("d/a", content)
    oss.faults.add(Cut(at=70_000), operation="GetObject", times=3)
    one = job()
    one.fetch()
    assert one.files == {"a": content}
    stretches = [found.range for found in oss.seen.requests if found.key == "d/a"]
    assert stretches[0] == ""
    starts = [int(re.findall(r"\d+", stretch)[0]) for stretch in stretches[1:]]
    assert starts == sorted(starts)
    assert starts[0] > 0


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2"])
def test_an_answer_of_5xx_is_asked_for_again(
    operation: str, status: int, oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"1")
    oss.faults.add(Refuse(status), operation=operation, times=2)
    one = job()
    one.fetch()
    assert one.files == {"a": b"1"}


def test_a_listing_that_breaks_off_is_asked_for_again(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"1")
    oss.faults.add(Short(at=150), operation="ListObjectsV2", times=1)
    oss.faults.add(Cut(at=100), operation="ListObjectsV2", skip=1, times=1)
    one = job()
    one.fetch()
    assert one.files == {"a": b"1"}


def test_what_never_answers_is_given_up(
    oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    bucket.put("d/a", b"1")
    oss.faults.add(Refuse(500), operation="GetObject")
    with pytest.raises(InputError, match=r"d/: a: OSS answered 500 InternalError, \d times in a"):
        job().fetch()


def test_a_slow_source_is_waited_for(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/a", b"x" * 5000)
    oss.faults.add(Drip(size=1000, seconds=0.01), operation="GetObject")
    one = job()
    one.fetch()
    assert one.files == {"a": b"x" * 5000}


def test_wrong_bytes_are_noticed_and_fetched_again(
    oss: OssServer, bucket: Bucket, job: Jobs, small_pieces: None
) -> None:
    contents = {"small": some(100), "large": some(3 * PIECE)}
    for name, content in contents.items():
        bucket.put(f"d/{name}", content)
    oss.faults.add(Spoil("byte"), operation="GetObject", times=2)
    one = job()
    one.fetch()
    assert one.files == contents


def test_wrong_bytes_without_end_are_an_error(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/a", b"1234")
    oss.faults.add(Spoil("byte"), operation="GetObject")
    one = job()
    with pytest.raises(InputError, match="a came 3 times and never matched its checksum"):
        one.fetch()
    assert not one.place.exists()


def test_an_object_without_an_md5_is_verified_by_its_crc(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"1234", kind="Multipart", etag="ABC-2")
    oss.faults.add(Spoil("byte"), operation="GetObject", times=1)
    one = job()
    one.fetch()
    assert one.files == {"a": b"1234"}
    assert oss.seen.count("GetObject") == 2


def test_an_object_that_changes_meanwhile_is_fetched_as_it_is_then(
    oss: OssServer, bucket: Bucket, job: Jobs, small_pieces: None
) -> None:
    for n in range(20):
        bucket.put(f"d/{n:02}", b"old")
    bucket.put("d/large", b"o" * 5 * PIECE)
    new = b"n" * 5 * PIECE
    oss.faults.add(Change(new), key="d/large", skip=2, times=1)
    one = job()
    one.fetch()
    assert one.files["large"] == new
    assert oss.seen.count("ListObjectsV2") == 2


def test_a_source_that_keeps_changing_is_an_error(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"0")
    oss.faults.add(Spoil("etag"), operation="GetObject")
    with pytest.raises(InputError, match="a changed again while it was being fetched"):
        job().fetch()


# two at once


def test_two_jobs_that_want_the_same_fetch_it_once(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"x" * 100)
    gate = oss.faults.add(Hold(at=10), operation="GetObject", times=1)
    first, second = job(), job()
    threads = [threading.Thread(target=first.fetch)]
    threads[0].start()
    assert gate.reached.wait(30)
    waits = threading.Event()

    def post(event: object) -> None:
        second.events.append(event)  # type: ignore[arg-type]
        waits.set()

    threads.append(threading.Thread(target=second.task, args=(post,)))
    threads[1].start()
    assert waits.wait(30)
    assert second.progress == ["waiting for job dlc0, which brings the same data"]
    gate.release()
    for thread in threads:
        thread.join(30)
    assert first.files == second.files == {"a": b"x" * 100}
    assert oss.seen.count("GetObject") == 1


def test_a_cancelled_download_lets_go_and_the_next_goes_on(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    for n in range(10):
        bucket.put(f"d/{n}", some(1000))
    gate = oss.faults.add(Hold(at=10), operation="GetObject", key="d/9", times=1)
    first = job(parallel=1)
    thread = threading.Thread(target=first.task, args=(first.events.append,))
    thread.start()
    assert gate.reached.wait(30)
    stopping = threading.Thread(target=first.task.cancel)
    stopping.start()
    gate.release()
    stopping.join(30)
    thread.join(30)
    assert not any(first.notes)
    assert not first.place.exists()
    oss.seen.clear()
    second = job()
    second.fetch()
    assert len(second.files) == 10
    assert oss.seen.count("GetObject") <= 2


def test_a_cancelled_job_waits_for_no_other(bucket: Bucket, job: Jobs, tmp_path: Path) -> None:
    bucket.put("d/a", b"1")
    first = job()
    first.fetch()
    (lock,) = (tmp_path / "home" / "cache" / "data").glob("*/lock")
    held = alone(lock)
    assert held
    waits = threading.Event()
    second = job()

    def post(event: Event) -> None:
        second.events.append(event)
        waits.set()

    thread = threading.Thread(target=second.task, args=(post,))
    thread.start()
    assert waits.wait(30)
    began = time.monotonic()
    second.task.cancel()
    assert time.monotonic() - began < PATIENCE
    thread.join(30)
    assert not second.place.exists()
    held.let_go()


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_any_user_of_a_container_may_read_what_no_other_user_of_this_machine_may(
    bucket: Bucket, job: Jobs, tmp_path: Path, umask: int
) -> None:
    bucket.put("d/x/y/a", b"1")
    one = job()
    before = os.umask(umask)
    try:
        one.fetch()
    finally:
        os.umask(before)
    (slot,) = (tmp_path / "home" / "cache" / "data").iterdir()
    assert stat.S_IMODE(slot.stat().st_mode) == 0o700
    files = one.place.resolve()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (files, *files.rglob("*"))}
    assert sorted(modes.values()) == [0o644, 0o755, 0o755, 0o755]


# what cannot be


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("oss://data/nothing/", "there is nothing at oss://data/nothing/"),
        ("oss://data/trian/", "Did you mean train, which is beside it?"),
        ("oss://nobucket/x/", "NoSuchBucket: .* Check the bucket's name"),
        ("oss://My_Data/x/", "no bucket can be called My_Data: names are 3 to 63 of"),
        ("oss://data.no-such-host.invalid/x/", "there is no host no-such-host.invalid"),
        ("oss://data.no_host!/x/", "https://no_host!, which is from the Uri, is no endpoint"),
    ],
)
def test_what_is_not_there_says_so(uri: str, words: str, bucket: Bucket, job: Jobs) -> None:
    bucket.put("train/a", b"1")
    with pytest.raises(InputError, match=words):
        job(uri).fetch()


def test_a_file_that_is_not_there_says_so(bucket: Bucket, job: Jobs) -> None:
    bucket.put("d/train.csv", b"1")
    with pytest.raises(InputError, match=r"no file .*trian.csv. Did you mean train.csv"):
        job("oss://data/d/trian.csv", property="FILE").fetch()


def test_wrong_keys_are_told_apart(
    bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("d/a", b"1")
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "wrong")
    where = "The keys are those of the variable OSS_ACCESS_KEY_ID"
    with pytest.raises(InputError, match=rf"SignatureDoesNotMatch.*{where}; the secret is not"):
        job().fetch()
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", "unknown")
    with pytest.raises(InputError, match=rf"InvalidAccessKeyId.*{where}; OSS does not"):
        job().fetch()


def test_an_endpoint_that_does_not_answer_is_named_with_its_origin(
    bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sources, "PAUSES", ())
    monkeypatch.setenv("OSS_ENDPOINT", "http://127.0.0.1:1")
    told = r"the endpoint http://127.0.0.1:1, which is from {}, does not answer"
    with pytest.raises(InputError, match=told.format("OSS_ENDPOINT")):
        job().fetch()
    monkeypatch.delenv("OSS_ENDPOINT")
    endpoint = Oss(endpoint="http://127.0.0.1:1")
    config = Config(home=tmp_path, oss=endpoint, origins={"oss": "/p/localdlc.toml"})
    source = sources.open_source(OSS, config, threading.Event())
    with pytest.raises(InputError, match=told.format(r"\[oss\] of /p/localdlc.toml")):
        list(source.whole())


def test_temporary_keys_work(
    oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("d/a", b"1")
    for name, value in oss.temporary.variables(oss.endpoint).items():
        monkeypatch.setenv(name, value)
    one = job()
    one.fetch()
    assert one.files == {"a": b"1"}


def test_a_token_that_expires_on_the_way_is_followed_by_the_next(
    oss: OssServer,
    bucket: Bucket,
    job: Jobs,
    tmp_path: Path,
    small_pieces: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, then = oss.temporary, replace(oss.temporary, key="STS.Next", token="the-next-token")
    oss.service.accounts[then.key] = then
    keys_of(oss, monkeypatch, tmp_path, first)
    bucket.put("d/large", content := some(10 * PIECE))
    holding = [
        oss.faults.add(Hold(at=10), operation="GetObject", skip=skip, times=1) for skip in range(2)
    ]
    one = job(parallel=2)
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(one.fetch)
        assert all(fault.reached.wait(PATIENCE) for fault in holding)
        keys_of(oss, monkeypatch, tmp_path, then)
        oss.service.expired.add(first.token)
        oss.faults.clear()
        end.result(PATIENCE)
    assert one.files == {"large": content}
    tokens = {request.query.get("security-token") for request in oss.seen.requests}
    assert tokens == {None, first.token, then.token}


def test_a_token_that_has_expired_and_has_no_follower_is_an_error(
    oss: OssServer, bucket: Bucket, job: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys_of(oss, monkeypatch, tmp_path, oss.temporary)
    oss.service.expired.add(oss.temporary.token)
    bucket.put("d/a", b"1")
    with pytest.raises(InputError, match=r"SecurityTokenExpired.*get a new token"):
        job().fetch()


def keys_of(oss: OssServer, monkeypatch: pytest.MonkeyPatch, home: Path, account: Account) -> None:
    """As a tool of the user's keeps them up to date: in the profile, and not in variables."""
    for name in account.variables(""):
        if name != "OSS_ENDPOINT":
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    told = {"access_key_id": account.key, "access_key_secret": account.secret}
    profile = {"name": "default", "mode": "StsToken", "sts_token": account.token, **told}
    file = home / ".aliyun" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"current": "default", "profiles": [profile]}))


def test_a_public_bucket_needs_no_keys_and_any_other_says_where_it_looked(
    oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OSS_ACCESS_KEY_ID")
    monkeypatch.delenv("OSS_ACCESS_KEY_SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    bucket.put("d/a", b"1")
    with pytest.raises(InputError, match="there are no keys for OSS: OSS_ACCESS_KEY_ID"):
        job().fetch()
    oss.bucket("open", public=True).put("d/a", b"1")
    one = job("oss://open/d/")
    one.fetch()
    assert one.files == {"a": b"1"}


def test_without_an_endpoint_the_error_says_where_to_write_one(
    bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OSS_ENDPOINT")
    with pytest.raises(InputError, match=r"oss://data.oss-REGION.aliyuncs.com/d/, set OSS_ENDPO"):
        job().fetch()


def test_offline_takes_what_is_there_without_a_look(
    oss: OssServer, bucket: Bucket, job: Jobs
) -> None:
    bucket.put("d/a", b"1")
    with pytest.raises(InputError, match=f"{OSS} is not in the cache, and localdlc is offline"):
        job(offline=True).fetch()
    job().fetch()
    oss.seen.clear()
    one = job(offline=True)
    assert one.fetch().cached
    assert one.files == {"a": b"1"}
    assert len(oss.seen.requests) == 0


def test_too_little_disk_is_told_before_anything_is_fetched(
    oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("d/a", b"x" * 10_000)
    monkeypatch.setattr(download, "room_at", lambda folder: (4096, 4096))
    with pytest.raises(InputError, match=r"needs 12.3 kB and .* 4.1 kB: 8.2 kB are missing"):
        job().fetch()
    assert oss.seen.count("GetObject") == 0


def test_after_a_restart_of_the_machine_a_tree_is_looked_through(
    oss: OssServer, bucket: Bucket, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("d/a", b"1234")
    bucket.put("d/b", b"5678")
    one = job()
    one.fetch()
    monkeypatch.setattr("localdlc.stage.cache.boot", lambda: "another")
    oss.seen.clear()
    assert job().fetch().cached
    assert oss.seen.count("GetObject") == 0
    os.truncate(one.place / "a", 2)
    one.leave()
    monkeypatch.setattr("localdlc.stage.cache.boot", lambda: "a third")
    two = job()
    two.fetch()
    assert two.files == {"a": b"1234", "b": b"5678"}
    os.truncate(two.place.resolve().parent / "manifest.json", 0)
    two.leave()
    three = job()
    assert not three.fetch().cached
    assert three.files == {"a": b"1234", "b": b"5678"}


def test_options_limit_the_downloads_at_a_time(oss: OssServer, bucket: Bucket, job: Jobs) -> None:
    for n in range(4):
        bucket.put(f"d/{n}", b"1")
    gate = oss.faults.add(Hold(), operation="GetObject")
    one = job(parallel=2)
    thread = threading.Thread(target=one.fetch)
    thread.start()
    assert gate.reached.wait(30)
    gate.release()
    thread.join(30)
    assert len(one.files) == 4
