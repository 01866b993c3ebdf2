"""Brings a folder of OSS here. A program of its own; prints the seconds, imports not counted.

``localdlc URI HOME``: what a job's staging does for a data source, into the cache of a home.
``ossfs URI FOLDER``: its `get(recursive=True)`; ``ossfs-async URI FOLDER``: its other class'.
Endpoint and keys come from the environment.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ossfs

from localdlc.config import Config
from localdlc.plan.model import Fetch, Input
from localdlc.stage import oss  # noqa: F401 - imported on first use otherwise, on the clock
from localdlc.stage.fetching import FetchTask


def by_localdlc(uri: str, folder: Path) -> None:
    source = Input(
        "data", uri, "/mnt/data", read_only=True, source=str(folder / "link"), fetch=Fetch(uri)
    )
    FetchTask(source, Config(folder), "benchmark")(lambda event: None)


def by_ossfs(kind: str) -> Callable[[str, Path], None]:
    def get(uri: str, folder: Path) -> None:
        keys = {
            "endpoint": os.environ["OSS_ENDPOINT"],
            "key": os.environ["OSS_ACCESS_KEY_ID"],
            "secret": os.environ["OSS_ACCESS_KEY_SECRET"],
        }
        getattr(ossfs, kind)(**keys).get(uri, f"{folder}/", recursive=True)

    return get


WAYS = {
    "localdlc": by_localdlc,
    "ossfs": by_ossfs("OSSFileSystem"),
    "ossfs-async": by_ossfs("AioOSSFileSystem"),
}


def main() -> None:
    way, uri, folder = sys.argv[1:]
    began = time.perf_counter()
    WAYS[way](uri, Path(folder))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
