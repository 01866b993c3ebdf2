"""What the caches hold, and taking it out."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from fetching import OSS, Jobs
from oss import Bucket, Hold, OssServer, Refuse

from localdlc.config import Config, Sample
from localdlc.errors import InputError, NotFound
from localdlc.service import Service
from localdlc.stage.caches import Cached
from localdlc.stage.locks import alone
from localdlc.terminal.views import cache_table


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(Config(home=tmp_path / "home"))


def wheels(service: Service, key: str = "abc123") -> Path:
    folder = service.config.home / "cache" / "wheels" / key
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "numpy-1.26.4-py3-none-any.whl").write_bytes(b"12345")
    return folder


def clone(service: Service, name: str = "train-0abc") -> Path:
    folder = service.config.home / "cache" / "code" / f"{name}.git"
    folder.mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


def shown(found: list[Cached]) -> set[tuple[str, str, int, bool]]:
    return {(one.kind, one.source, one.bytes, one.in_use) for one in found}


def test_every_cache_is_listed_with_what_it_is(bucket: Bucket, job: Jobs, service: Service) -> None:
    bucket.put("d/a", b"x" * 10_000)
    one, two = job(), job(sample=Sample(files=1))
    one.fetch()
    two.fetch()
    two.leave()
    wheels(service)
    clone(service)
    found = service.list_cache()
    assert [
        (one.kind, one.source, one.in_use) for one in sorted(found, key=lambda c: c.source)
    ] == [
        ("wheels", "numpy", False),
        ("data", OSS, True),
        ("data", f"{OSS} (a sample of 1files)", False),
        ("code", "train", False),
    ]
    sizes = {one.source: one.bytes for one in found}
    assert sizes[OSS] == 10_000
    assert {(one.source, one.files, one.whole) for one in found if one.kind == "data"} == {
        (OSS, 1, True),
        (f"{OSS} (a sample of 1files)", 1, True),
    }


def test_what_could_not_be_fetched_leaves_nothing(
    oss: OssServer, bucket: Bucket, job: Jobs, service: Service
) -> None:
    bucket.put("d/a", b"1")
    oss.faults.add(Refuse(403, "AccessDenied"), operation="GetObject")
    for uri in ("oss://data/d/", "oss://data/none/", "s3://bucket/x"):
        with pytest.raises(InputError):
            job(uri).fetch()
    assert not list((service.config.home / "cache" / "data").iterdir())


def test_what_was_fetched_in_part_is_incomplete_and_gone_on_with(
    oss: OssServer, bucket: Bucket, job: Jobs, service: Service
) -> None:
    bucket.put("d/a", b"12345")
    bucket.put("d/b", b"1")
    oss.faults.add(Refuse(403, "AccessDenied"), operation="GetObject", key="d/b")
    with pytest.raises(InputError):
        job(parallel=1).fetch()
    (found,) = service.list_cache()
    assert (found.source, found.bytes, found.whole) == (OSS, 5, False)
    assert "incomplete" in cache_table([found])
    oss.faults.clear()
    assert job().fetch().detail == "fetched 1 of 2 files (1 B of 6 B)"


def test_what_a_killed_run_left_empty_is_not_shown_and_goes_with_the_rest(
    service: Service,
) -> None:
    left = service.config.home / "cache" / "wheels" / "abc123"
    left.mkdir(parents=True)
    assert service.list_cache() == []
    ((found, gone),) = service.remove_cache(kinds=("wheels",))
    assert found.empty
    assert gone
    assert not left.exists()


def test_wheels_of_which_the_image_has_all_are_named_all_the_same(service: Service) -> None:
    (service.config.home / "cache" / "wheels" / "abc123" / "wheels").mkdir(parents=True)
    (found,) = service.list_cache()
    assert found.source == "nothing but the image's own"


def test_what_a_running_job_uses_stays(bucket: Bucket, job: Jobs, service: Service) -> None:
    bucket.put("d/a", b"1")
    one = job()
    one.fetch()
    wheels(service)
    assert {
        (c.kind, gone) for c, gone in service.remove_cache(kinds=("data", "code", "wheels"))
    } == {
        ("data", False),
        ("wheels", True),
    }
    assert one.files == {"a": b"1"}
    one.leave()
    assert [gone for _, gone in service.remove_cache([OSS])] == [True]
    assert service.list_cache() == []
    assert list((service.config.home / "cache" / "data").iterdir()) == []


def test_what_is_being_fetched_stays(
    oss: OssServer, bucket: Bucket, job: Jobs, service: Service
) -> None:
    bucket.put("d/a", b"123")
    gate = oss.faults.add(Hold(at=1), operation="GetObject")
    one = job()
    thread = threading.Thread(target=one.fetch)
    thread.start()
    assert gate.reached.wait(30)
    assert [gone for _, gone in service.remove_cache(kinds=["data"])] == [False]
    gate.release()
    thread.join(30)
    assert one.files == {"a": b"123"}


def test_data_that_was_removed_is_fetched_again(
    oss: OssServer, bucket: Bucket, job: Jobs, service: Service
) -> None:
    bucket.put("d/a", b"1")
    one = job()
    one.fetch()
    one.leave()
    service.remove_cache([OSS.rstrip("/")])
    assert not job().fetch().cached


def test_a_clone_at_work_stays(service: Service) -> None:
    folder = clone(service)
    held = alone(folder.with_suffix(".lock"))
    assert held
    assert shown(service.list_cache()) == {("code", "train", 21, True)}
    assert [gone for _, gone in service.remove_cache(["train"])] == [False]
    held.let_go()
    assert [gone for _, gone in service.remove_cache(["train-0"])] == [True]
    assert not folder.exists()


def test_a_name_that_fits_nothing_is_an_error(service: Service) -> None:
    with pytest.raises(NotFound, match="the cache has no oss://x; `localdlc cache list`"):
        service.remove_cache(["oss://x"])


def test_what_a_killed_removal_left_goes_with_the_next(service: Service) -> None:
    wreck = wheels(service, "gone-1234")
    wheels(service)
    assert len(service.list_cache()) == 1
    service.remove_cache(kinds=["wheels"])
    assert not wreck.exists()
