"""What tests of fetched data start from: an OSS server, and jobs that want data from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from oss import Bucket, OssServer

from localdlc.config import Config
from localdlc.plan.model import Fetch, Input
from localdlc.record.events import Event, InputStaged, Note, Progress
from localdlc.stage.fetching import FetchTask

OSS = "oss://data/d/"


@dataclass
class Job:
    """One job's wish for one source; `fetch` brings it, `leave` ends the job."""

    task: FetchTask
    place: Path
    events: list[Event] = field(default_factory=list)

    def fetch(self) -> InputStaged:
        self.task(self.events.append)
        assert isinstance(self.events[-1], InputStaged)
        return self.events[-1]

    def leave(self) -> None:
        self.task.leave()

    @property
    def files(self) -> dict[str, bytes]:
        """What the job sees, by path; a folder that is empty ends in ``/``."""
        found = {}
        for path in self.place.rglob("*"):
            name = str(path.relative_to(self.place))
            if path.is_file():
                found[name] = path.read_bytes()
            elif not any(path.iterdir()):
                found[f"{name}/"] = b""
        return found

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    @property
    def progress(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Progress)]


Jobs = Callable[..., Job]


@pytest.fixture
def oss(monkeypatch: pytest.MonkeyPatch) -> Iterator[OssServer]:
    """A server that the environment leads to."""
    with OssServer() as server:
        for name, value in server.account.variables(server.endpoint).items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def bucket(oss: OssServer) -> Bucket:
    return oss.bucket("data")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Jobs]:
    """Makes jobs of one home: ``job("oss://data/d/", include=("*.csv",), offline=True)``."""
    made: list[Job] = []

    def make(uri: str = OSS, *, home: Path | None = None, **wanted: Any) -> Job:
        settings = {"offline": wanted.pop("offline", False)}
        config = Config(home=home or tmp_path / "home", **settings)
        place = config.home / "jobs" / f"dlc{len(made)}" / "data" / "0"
        source = Input("data", uri, "/mnt/data", True, str(place), fetch=Fetch(uri, **wanted))
        made.append(Job(FetchTask(source, config, f"dlc{len(made)}"), place))
        return made[-1]

    yield make
    for one in made:
        one.leave()


def some(size: int) -> bytes:
    """Bytes that compress to nothing and repeat nowhere."""
    return os.urandom(size)
