"""The tests' OSS server, asked by the vendor's own clients."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import oss2
import ossfs
import pytest
import requests
from oss import Account, Bucket, OssProcess, OssServer
from oss.objects import crc64
from oss2.models import PartInfo

pytestmark = pytest.mark.servers

Connect = Callable[[Account], oss2.Bucket]


@pytest.fixture
def oss() -> Iterator[OssServer]:
    with OssServer() as server:
        yield server


@pytest.fixture
def bucket(oss: OssServer) -> Bucket:
    return oss.bucket("data")


@pytest.fixture(params=[1, 4])
def connect(request: pytest.FixtureRequest, oss: OssServer, bucket: Bucket) -> Iterator[Connect]:
    """Clients with the keys of some account, which sign by either version."""
    auth, region = {1: (auth_v1, None), 4: (auth_v4, "cn-hangzhou")}[request.param]
    with ExitStack() as open_sessions:

        def made(account: Account) -> oss2.Bucket:
            session = oss2.Session()
            open_sessions.callback(session.session.close)
            signing = auth(account)
            return oss2.Bucket(signing, oss.endpoint, bucket.name, session=session, region=region)

        yield made


@pytest.fixture
def client(oss: OssServer, connect: Connect) -> oss2.Bucket:
    return connect(oss.account)


def auth_v1(account: Account) -> oss2.Auth | oss2.StsAuth:
    if account.token:
        return oss2.StsAuth(account.key, account.secret, account.token)
    return oss2.Auth(account.key, account.secret)


def auth_v4(account: Account) -> oss2.ProviderAuthV4:
    keys = oss2.credentials.StaticCredentialsProvider(account.key, account.secret, account.token)
    return oss2.ProviderAuthV4(keys)


def test_the_checksum_is_the_one_that_oss_names() -> None:
    assert crc64()(b"123456789") == 0x995DC9BBDF1939FA  # the check value of CRC-64/XZ


def test_what_is_put_comes_back_with_its_sums(client: oss2.Bucket, bucket: Bucket) -> None:
    put = client.put_object("a folder/ü+.bin", b"content" * 1000)
    got = client.get_object("a folder/ü+.bin")
    assert got.read() == b"content" * 1000 == bucket.read("a folder/ü+.bin")
    assert put.etag == got.etag == bucket.objects["a folder/ü+.bin"].etag
    assert got.client_crc == got.server_crc == put.crc
    assert got.object_type == "Normal"
    assert abs(got.last_modified - time.time()) < 60


def test_an_upload_that_does_not_match_its_digest_is_refused(client: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.InvalidDigest):
        client.put_object("a", b"one", headers={"Content-MD5": oss2.utils.content_md5(b"two")})
    assert not client.object_exists("a")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 3, b"0123"), (4, None, b"456789"), (None, 2, b"89"), (9, 9, b"9")],
)
def test_ranges(client: oss2.Bucket, first: int | None, last: int | None, expected: bytes) -> None:
    client.put_object("a", b"0123456789")
    got = client.get_object("a", byte_range=(first, last))
    assert (got.status, got.read()) == (206, expected)
    assert got.headers["Content-Range"].endswith("/10")


def test_a_range_outside_of_the_object(client: oss2.Bucket) -> None:
    client.put_object("a", b"0123456789")
    assert client.get_object("a", byte_range=(20, 30)).read() == b"0123456789"
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        client.get_object("a", (20, 30), headers={"x-oss-range-behavior": "standard"})
    assert (raised.value.status, raised.value.code) == (416, "InvalidRange")


def test_only_the_version_that_is_asked_for(client: oss2.Bucket) -> None:
    etag = client.put_object("a", b"one").etag
    assert client.get_object("a", headers={"If-Match": f'"{etag}"'}).read() == b"one"
    client.put_object("a", b"two")
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        client.get_object("a", headers={"If-Match": f'"{etag}"'})


def test_head_tells_everything_but_the_content(client: oss2.Bucket) -> None:
    client.put_object("a", b"0123456789")
    head = client.head_object("a")
    assert (head.content_length, head.etag) == (10, client.get_object("a").etag)
    assert client.get_object_meta("a").content_length == 10
    with pytest.raises(oss2.exceptions.NotFound):
        client.head_object("b")


def test_pages_of_both_listings_are_complete_and_in_order(
    client: oss2.Bucket, bucket: Bucket, oss: OssServer
) -> None:
    keys = [f"p/{number:03} +&ü" for number in range(25)]
    for key in [*keys, "o", "q"]:
        bucket.put(key, key.encode())
    for objects, pages in (
        (oss2.ObjectIterator(client, "p/", max_keys=10), oss.seen.count("ListObjects")),
        (oss2.ObjectIteratorV2(client, "p/", max_keys=10), oss.seen.count("ListObjectsV2")),
    ):
        listed = list(objects)
        assert [one.key for one in listed] == keys
        assert [one.etag for one in listed] == [bucket.objects[key].etag for key in keys]
        assert [one.size for one in listed] == [len(key.encode()) for key in keys]
        assert pages == 0
    assert oss.seen.count("ListObjects") == oss.seen.count("ListObjectsV2") == 3


@pytest.mark.parametrize("iterator", [oss2.ObjectIterator, oss2.ObjectIteratorV2])
@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_delimiter_gives_folders_once(
    client: oss2.Bucket, bucket: Bucket, iterator: type[oss2.ObjectIterator], limit: int
) -> None:
    for key in ("d/a/1", "d/a/2", "d/b", "d/c/3", "d/c/4/5", "e"):
        bucket.put(key, b"")
    listed = iterator(client, "d/", delimiter="/", max_keys=limit)
    assert sorted(one.key for one in listed) == ["d/a/", "d/b", "d/c/"]


def test_an_object_grows_by_appending_at_its_end(client: oss2.Bucket) -> None:
    assert client.append_object("log", 0, b"one").next_position == 3
    assert client.append_object("log", 3, b"two").next_position == 6
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength):
        client.append_object("log", 3, b"three")
    assert client.get_object("log").read() == b"onetwo"
    client.put_object("whole", b"")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        client.append_object("whole", 0, b"more")


def test_an_upload_in_parts(client: oss2.Bucket, bucket: Bucket) -> None:
    number = client.init_multipart_upload("big").upload_id
    contents = [os.urandom(100_000), os.urandom(50_000)]
    parts = [
        PartInfo(n, client.upload_part("big", number, n, content).etag, part_crc=None)
        for n, content in enumerate(contents, start=1)
    ]
    assert not client.object_exists("big")
    assert client.complete_multipart_upload("big", number, parts).etag.endswith("-2")
    got = client.get_object("big")
    assert (got.read(), got.object_type) == (b"".join(contents), "Multipart")
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        client.upload_part("big", number, 3, b"late")
    number = client.init_multipart_upload("other").upload_id
    client.abort_multipart_upload("other", number)
    assert not bucket.uploads


def test_deleting_one_and_several(client: oss2.Bucket, bucket: Bucket) -> None:
    for key in "abcde":
        bucket.put(key, b"")
    client.delete_object("a")
    client.delete_object("never there")
    assert sorted(client.batch_delete_objects(["b", "c"]).deleted_keys) == ["b", "c"]
    assert bucket.keys == ["d", "e"]


def test_what_is_not_there(client: oss2.Bucket, oss: OssServer) -> None:
    with pytest.raises(oss2.exceptions.NoSuchKey):
        client.get_object("a")
    client.bucket_name = "elsewhere"
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        client.get_bucket_info()


def test_a_bucket_tells_about_itself(client: oss2.Bucket) -> None:
    info = client.get_bucket_info()
    assert (info.name, info.acl.grant) == ("data", "private")
    assert client.get_bucket_location().location == "oss-cn-test"


def test_a_wrong_secret_is_found_out(connect: Connect, oss: OssServer) -> None:
    client = connect(replace(oss.account, secret="guessed"))
    with pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
        client.put_object("a", b"")


def test_an_unknown_key_and_none_at_all(connect: Connect, oss: OssServer) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        connect(Account("unknown", "secret")).list_objects()
    assert raised.value.code == "InvalidAccessKeyId"
    with pytest.raises(oss2.exceptions.AccessDenied):
        anonymous(oss, "data").list_objects()


def anonymous(oss: OssServer, bucket: str) -> oss2.Bucket:
    return oss2.Bucket(oss2.AnonymousAuth(), oss.endpoint, bucket)


def test_temporary_keys_need_their_token(connect: Connect, oss: OssServer) -> None:
    connect(oss.temporary).put_object("a", b"with a token")
    for token, code in (("", "InvalidAccessKeyId"), ("other", "InvalidSecurityToken")):
        with pytest.raises(oss2.exceptions.ServerError) as raised:
            connect(replace(oss.temporary, token=token)).get_object("a")
        assert (raised.value.status, raised.value.code) == (403, code)


def test_everybody_reads_a_public_bucket_and_nobody_writes_there(oss: OssServer) -> None:
    oss.bucket("open", public=True).put("a", b"for all")
    client = anonymous(oss, "open")
    assert client.get_object("a").read() == b"for all"
    with pytest.raises(oss2.exceptions.AccessDenied):
        client.put_object("b", b"")


def test_an_old_request_is_refused(oss: OssServer, client: oss2.Bucket) -> None:
    date = formatdate(time.time() - 3600, usegmt=True)
    headers = {"Date": date, "Authorization": f"OSS {oss.account.key}:any"}
    answer = requests.get(f"{oss.endpoint}/data/a", headers=headers)
    assert answer.status_code == 403
    assert "<Code>RequestTimeTooSkewed</Code>" in answer.text


def test_the_scope_of_a_signature_is_checked(oss: OssServer) -> None:
    """Today's, this service's, and of some region."""
    now = datetime.now(UTC)
    date, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    good = f"{day}/cn-hangzhou/oss/aliyun_v4_request"
    for scope, code in (
        (good, "SignatureDoesNotMatch"),
        (good.replace(day, "20200101"), "InvalidArgument"),
        (good.replace("/oss/", "/sls/"), "InvalidArgument"),
        (good.replace("cn-hangzhou", ""), "InvalidArgument"),
    ):
        credential = f"OSS4-HMAC-SHA256 Credential={oss.account.key}/{scope},Signature=00"
        headers = {"x-oss-date": date, "Authorization": credential}
        answer = requests.get(f"{oss.endpoint}/data/a", headers=headers)
        assert f"<Code>{code}</Code>" in answer.text
    headers["x-oss-date"] = "20200101T000000Z"
    assert "RequestTimeTooSkewed" in requests.get(f"{oss.endpoint}/data", headers=headers).text


@pytest.mark.parametrize("temporary", [False, True])
def test_a_signed_url(connect: Connect, oss: OssServer, temporary: bool) -> None:
    client = connect(oss.temporary if temporary else oss.account)
    client.put_object("a/b", b"content")
    url = client.sign_url("GET", "a/b", 60, slash_safe=True)
    assert requests.get(url).content == b"content"
    assert requests.get(url.replace("a/b", "a/c")).status_code == 403
    assert requests.get(client.sign_url("GET", "a/b", -1)).status_code == 403


def test_through_a_proxy_it_is_any_endpoint(oss: OssServer, bucket: Bucket) -> None:
    bucket.put("a", b"content")
    session = oss2.Session()
    client = oss2.Bucket(
        auth_v1(oss.account),
        "http://oss-cn-hangzhou.aliyuncs.com",
        "data",
        session=session,
        proxies={"http": oss.endpoint},
    )
    assert client.get_object("a").read() == b"content"
    session.session.close()


def test_ossfs_lists_reads_and_writes(oss: OssServer, bucket: Bucket, tmp_path: Path) -> None:
    for key in ("set/a", "set/b/c", "set/b/d"):
        bucket.put(key, key.encode())
    fs = ossfs.OSSFileSystem(endpoint=oss.endpoint, key=oss.account.key, secret=oss.account.secret)
    assert fs.find("data/set") == ["data/set/a", "data/set/b/c", "data/set/b/d"]
    assert [one["name"] for one in fs.ls("data/set", detail=True)] == ["data/set/a", "data/set/b/"]
    fs.get("data/set/", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got/b/d").read_bytes() == b"set/b/d"
    fs.pipe_file("data/new", b"written")
    assert bucket.read("new") == b"written"
    fs._session.session.close()


def test_twenty_thousand_objects_are_listed_in_pages(
    client: oss2.Bucket, bucket: Bucket, oss: OssServer
) -> None:
    for number in range(20_000):
        bucket.put(f"{number % 7}/{number}", b"")
    assert sum(1 for _ in oss2.ObjectIteratorV2(client, max_keys=1000)) == 20_000
    assert oss.seen.listings == 20


def test_a_process_of_its_own_serves_folders(tmp_path: Path) -> None:
    (tmp_path / "data/set").mkdir(parents=True)
    content = os.urandom(300_000)
    (tmp_path / "data/set/a").write_bytes(content)
    with OssProcess(tmp_path) as oss:
        session = oss2.Session()
        client = oss2.Bucket(auth_v1(oss.account), oss.endpoint, "data", session=session)
        got = client.get_object("set/a")
        assert (got.read(), got.client_crc) == (content, got.server_crc)
        assert client.get_object("set/a", (200_000, 200_009)).read() == content[200_000:200_010]
        oss.order("Refuse", times=1, key="set/*")
        with pytest.raises(oss2.exceptions.ServerError):
            client.get_object("set/a")
        session.session.close()
        seen = oss.seen()
        assert seen.fetched == ["set/a"] * 3
        assert [one.range for one in seen.requests] == ["", "bytes=200000-200009", ""]
        oss.forget()
        assert oss.seen().requests == []
