"""Faults on demand of the tests' OSS server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Thread

import oss2
import pytest
from oss import Bucket, Change, Cut, Drip, Hold, OssServer, Refuse, Short, Spoil

pytestmark = pytest.mark.servers

CONTENT = os.urandom(300_000)


@pytest.fixture
def oss() -> Iterator[OssServer]:
    with OssServer() as server:
        yield server


@pytest.fixture
def bucket(oss: OssServer) -> Bucket:
    made = oss.bucket("data")
    made.put("a", CONTENT)
    return made


@pytest.fixture
def client(oss: OssServer, bucket: Bucket) -> Iterator[oss2.Bucket]:
    session = oss2.Session()
    auth = oss2.Auth(oss.account.key, oss.account.secret)
    yield oss2.Bucket(auth, oss.endpoint, bucket.name, session=session)
    session.session.close()


def statuses(client: oss2.Bucket, key: str, count: int) -> list[int]:
    return [status(client, key) for _ in range(count)]


def status(client: oss2.Bucket, key: str) -> int:
    try:
        got = client.get_object(key)
        got.read()
    except oss2.exceptions.ServerError as error:
        return int(error.status)
    return int(got.status)


def test_the_next_two_are_refused(oss: OssServer, client: oss2.Bucket) -> None:
    oss.faults.add(Refuse(), times=2)
    assert statuses(client, "a", 4) == [500, 500, 200, 200]


def test_every_third_is_refused(oss: OssServer, client: oss2.Bucket) -> None:
    oss.faults.add(Refuse(503, "ServiceUnavailable"), every=3)
    assert statuses(client, "a", 7) == [200, 200, 503, 200, 200, 503, 200]


def test_one_key_alone_is_refused(oss: OssServer, client: oss2.Bucket, bucket: Bucket) -> None:
    bucket.put("b", b"")
    oss.faults.add(Refuse(403, "AccessDenied"), key="b", skip=1)
    assert statuses(client, "a", 3) == [200, 200, 200]
    assert statuses(client, "b", 3) == [200, 403, 403]
    oss.faults.clear()
    assert status(client, "b") == 200


def test_one_operation_alone_is_refused(oss: OssServer, client: oss2.Bucket) -> None:
    oss.faults.add(Refuse(), operation="List*")
    assert status(client, "a") == 200
    with pytest.raises(oss2.exceptions.ServerError):
        client.list_objects()


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("at", [0, 1, 100_000, len(CONTENT) - 1])
def test_a_body_that_is_cut(oss: OssServer, client: oss2.Bucket, at: int, reset: bool) -> None:
    oss.faults.add(Cut(at, reset), times=1)
    got: list[bytes] = []
    with pytest.raises((oss2.exceptions.RequestError, OSError)):
        got.extend(client.get_object("a"))
    assert CONTENT[:at].startswith(b"".join(got))
    assert client.get_object("a").read() == CONTENT


def test_a_slow_body_is_whole(oss: OssServer, client: oss2.Bucket) -> None:
    drip = oss.faults.add(Drip(100_000, 0.001))
    assert client.get_object("a").read() == CONTENT
    assert drip.size == 100_000


def test_a_held_body_waits_for_its_release(oss: OssServer, client: oss2.Bucket) -> None:
    hold = oss.faults.add(Hold(at=10), times=1)
    got: list[bytes] = []
    reader = Thread(target=lambda: got.append(client.get_object("a").read()))
    reader.start()
    assert hold.reached.wait(10)
    assert got == []
    hold.release()
    reader.join()
    assert got == [CONTENT]


def test_wrong_sums_and_wrong_bytes(oss: OssServer, client: oss2.Bucket, bucket: Bucket) -> None:
    oss.faults.add(Spoil("etag"), times=1)
    assert client.get_object("a").etag != bucket.objects["a"].etag
    for what in ("crc", "byte"):
        oss.faults.clear()
        oss.faults.add(Spoil(what))
        got = client.get_object("a")
        assert (got.read() == CONTENT) is (what == "crc")
        assert got.client_crc != got.server_crc


def test_an_object_that_changes_between_two_ranges(oss: OssServer, client: oss2.Bucket) -> None:
    oss.faults.add(Change(b"new" * 10), operation="GetObject", skip=1, times=1)
    first, second = (client.get_object("a", byte_range=(0, 9)) for _ in range(2))
    assert first.etag != second.etag
    assert second.read() == b"newnewnewn"


def test_a_listing_that_breaks_off(oss: OssServer, client: oss2.Bucket) -> None:
    oss.faults.add(Short(200), operation="ListObjects", times=1)
    with pytest.raises(SyntaxError):  # of XML
        client.list_objects()
    assert len(client.list_objects().object_list) == 1
