"""Data from any other place that fsspec knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fetching import Jobs, some

from localdlc.config import Sample
from localdlc.errors import InputError
from localdlc.stage import download, filesystem, sources


class Quiet(SimpleHTTPRequestHandler):
    """Counts what it is asked for. Of the files in ``broken`` it sends a half, once."""

    asked: ClassVar[list[str]] = []
    broken: ClassVar[set[str]] = set()
    sized: ClassVar[bool] = True

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def send_header(self, keyword: str, value: str) -> None:
        if self.sized or keyword != "Content-Length":
            super().send_header(keyword, value)

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        half = self.path in self.broken
        self.broken.discard(self.path)
        outputfile.write(content[: len(content) // 2] if half else content)

    def log_message(self, *_: object) -> None:
        """Tests have no use for it."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server without ranges, and the folder that it shows."""
    folder = tmp_path / "web"
    folder.mkdir()
    Quiet.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Iterator[fsspec.AbstractFileSystem]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.rm("/", recursive=True)


def test_a_folder_of_links_is_a_folder(web: tuple[str, Path], job: Jobs) -> None:
    url, folder = web
    (folder / "d" / "x").mkdir(parents=True)
    (folder / "d" / "a.csv").write_bytes(b"1")
    (folder / "d" / "x" / "b.csv").write_bytes(b"22")
    one = job(f"{url}/d/")
    assert not one.fetch().cached
    assert one.files == {"a.csv": b"1", "x/b.csv": b"22"}
    assert job(f"{url}/d/").fetch().cached
    (folder / "d" / "a.csv").write_bytes(b"333")
    two = job(f"{url}/d/")
    assert two.fetch().detail == "fetched 1 of 2 files (3 B of 5 B)"


@pytest.mark.parametrize("sized", [True, False])
def test_a_url_without_a_slash_is_one_file_and_needs_no_ranges(
    web: tuple[str, Path], job: Jobs, monkeypatch: pytest.MonkeyPatch, sized: bool
) -> None:
    """A server that knows none sends the whole for each piece: there is one, as a stream."""
    monkeypatch.setattr(download, "PIECE", 1000)
    monkeypatch.setattr(filesystem, "AT_ONCE", 1000)
    monkeypatch.setattr(filesystem, "BLOCK", 700)
    monkeypatch.setattr(Quiet, "sized", sized)
    url, folder = web
    content = some(25_000)
    (folder / "train.bin").write_bytes(content)
    one = job(f"{url}/train.bin")
    one.fetch()
    assert one.place.read_bytes() == content
    assert len(Quiet.asked) <= 3  # for its size where HEAD says none, for ranges, for itself


def test_a_stream_that_breaks_goes_on_where_it_was(
    web: tuple[str, Path], job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "AT_ONCE", 1000)
    url, folder = web
    content = some(25_000)
    (folder / "train.bin").write_bytes(content)
    Quiet.broken.add("/train.bin")
    one = job(f"{url}/train.bin")
    one.fetch()
    assert one.place.read_bytes() == content
    assert Quiet.asked == ["/train.bin"] * 2


def test_ranges_are_used_where_there_are_some(
    memory: fsspec.AbstractFileSystem, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PIECE", 1000)
    content = some(2500)
    memory.pipe("/b/train.bin", content)
    one = job("memory://b/")
    one.fetch()
    assert one.files == {"train.bin": content}


def test_what_is_not_there_says_so(web: tuple[str, Path], job: Jobs) -> None:
    url, _ = web
    with pytest.raises(InputError, match="there is nothing at http"):
        job(f"{url}/none").fetch()


def test_memory_is_sampled_cached_and_brought_up_to_date(
    memory: fsspec.AbstractFileSystem, job: Jobs
) -> None:
    for n in range(20):
        memory.pipe(f"/b/{n % 4}/{n}", b"1")
    one = job("memory://b/", sample=Sample(files=4))
    one.fetch()
    assert {name[0] for name in one.files} == set("0123")
    assert job("memory://b/", sample=Sample(files=4)).fetch().cached
    whole = job("memory://b/")
    assert whole.fetch().files == 20
    memory.pipe("/b/0/0", b"2")
    again = job("memory://b/")
    assert again.fetch().detail == "fetched 1 of 20 files (1 B of 20 B)"
    assert again.files["0/0"] == b"2"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://bucket/x", r"s3:// needs one more package: pip install s3fs"),
        ("sftp://host/x", r"sftp:// needs one more package: pip install paramiko"),
        ("ftp://127.0.0.1:1/x", r"x: 127.0.0.1:1 does not answer \(connection refused\)\."),
        ("http://127.0.0.1:1/x", r"x: 127.0.0.1:1 does not answer \(connection refused\), 5 times"),
        ("http://localhost:1/x", r"x: localhost:1 does not answer.*, 5 times"),
        ("osss://bucket/x", r"nothing here reads osss://. Did you mean oss://\?"),
        ("quux://bucket/x", r"nothing here reads quux://. Or map it: --map quux://bucket/x=FOLDER"),
    ],
)
def test_a_place_that_cannot_be_read_says_why(
    uri: str, words: str, job: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAUSES", (0, 0, 0, 0))
    with pytest.raises(InputError, match=words):
        job(uri).fetch()
