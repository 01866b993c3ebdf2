"""Uploads to stores that fsspec knows: what arrives, and what is said when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from oss import OssServer

from localdlc.config import Config
from localdlc.errors import InputError
from localdlc.job.writing_back import Upload
from localdlc.record.events import Event, Note
from localdlc.stage.layer import Written, contents
from localdlc.stage.write_back import Destination, destination, write_back


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """a, sub/b, and a link"""
    made = tmp_path / "layer"
    (made / "sub").mkdir(parents=True)
    (made / "a").write_text("a")
    (made / "sub" / "b").write_text("bb")
    (made / "link").symlink_to("a")
    return made


def at(uri: str, tmp_path: Path, *, single: bool = False) -> Destination:
    return destination(uri, Config(home=tmp_path), single=single)


def test_files_arrive_in_a_folder_and_what_was_there_stays(layer: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "a").write_text("before")
    (store / "other").write_text("other")
    told: list[Event] = []
    count = write_back(layer, contents(layer), at(store.as_uri(), tmp_path), told.append)
    assert count == len(told) == 2
    found = {str(path.relative_to(store)): path for path in store.rglob("*") if path.is_file()}
    assert {name: path.read_text() for name, path in found.items()} == {
        "a": "a",
        "other": "other",
        "sub/b": "bb",
    }


def test_what_goes_and_what_stays_is_told_before(layer: Path, tmp_path: Path) -> None:
    store, told = tmp_path / "store", list[Event]()
    store.mkdir()
    upload = Upload(layer, contents(layer), store.as_uri(), single=False)
    upload("dlc1", Config(home=tmp_path), told.append)
    assert [event.text for event in told if isinstance(event, Note)] == [
        f"writing back 2 files (3 B) to {store.as_uri()}; nothing is deleted there; left out, as "
        "no plain files: link",
        f"written back to {store.as_uri()}: 2 files",
    ]


def test_files_arrive_in_any_store(layer: Path, tmp_path: Path) -> None:
    MemoryFileSystem.store.clear()
    to = at("memory://store/set", tmp_path)
    assert write_back(layer, contents(layer), to, lambda _: None) == 2
    assert sorted(MemoryFileSystem.store) == ["/store/set/a", "/store/set/sub/b"]
    MemoryFileSystem.store.clear()


def test_a_single_file_replaces_the_source(layer: Path, tmp_path: Path) -> None:
    MemoryFileSystem.store.clear()
    to = at("memory://store/one.txt", tmp_path, single=True)
    assert write_back(layer, Written((("a", 1),)), to, lambda _: None) == 1
    assert list(MemoryFileSystem.store) == ["/store/one.txt"]
    MemoryFileSystem.store.clear()


class Forgetful(MemoryFileSystem):  # type: ignore[misc]
    """Loses the end of what it is given."""

    def put_file(self, lpath: str, rpath: str, **_: object) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes()[:-1])


def test_a_file_that_arrived_in_part_is_an_error(layer: Path) -> None:
    to = Destination("memory://x", Forgetful(), "/x")
    with pytest.raises(InputError) as caught:
        write_back(layer, Written((("a", 1), ("sub/b", 2))), to, lambda _: None)
    assert str(caught.value) == (
        "a could not be written back to memory://x: 0 of its 1 bytes arrived. 0 of 2 files had "
        f"arrived before; all of them are in {layer}."
    )
    Forgetful.store.clear()


def test_a_store_that_takes_nothing_says_so(layer: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a could not be written back to http://127.0.0.1:1/x"):
        write_back(layer, contents(layer), at("http://127.0.0.1:1/x", tmp_path), lambda _: None)


def test_a_store_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xyz://a/b: "):
        at("xyz://a/b", tmp_path)


def test_oss_without_keys_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="key"):
        destination("oss://b/x/", Config(home=tmp_path), single=False, environment={})


def test_a_large_file_arrives_whole_in_oss(tmp_path: Path) -> None:
    content = bytes(range(256)) * (48 << 10)  # 12 MiB, by multipart
    (tmp_path / "large").write_bytes(content)
    with OssServer() as oss:
        bucket = oss.bucket("data")
        keys = {"OSS_ACCESS_KEY_ID": oss.account.key, "OSS_ENDPOINT": oss.endpoint}
        keys["OSS_ACCESS_KEY_SECRET"] = oss.account.secret
        config = Config(home=tmp_path)
        to = destination("oss://data/out/", config, single=False, environment=keys)
        write_back(tmp_path, Written((("large", len(content)),)), to, lambda _: None)
        assert bucket.keys == ["out/large"]
        assert bucket.objects["out/large"].part(0, len(content)) == content
