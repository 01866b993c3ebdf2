"""Code brought as one job after another would, from a git server behind a login."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from git_server import GitServer, new_repository, serving

from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.record.events import Event, InputStaged
from localdlc.stage.code import code_task

USER, TOKEN = "ann", "s3cret-t0ken-42"
ODD = "my home=%41"


class Jobs:
    """Brings code as one job after another would."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.count = 0
        self.checkout = Checkout(
            url, "main", None, "", USER, TOKEN, str(folder / ODD / "cache" / "code")
        )

    def next(self, **members: object) -> Checkout:
        self.count += 1
        folder = self.folder / ODD / "jobs" / f"dlc{self.count}" / "code"
        folder.parent.mkdir(parents=True)
        return replace(self.checkout, folder=str(folder), **members)  # type: ignore[arg-type]

    def __call__(self, **members: object) -> tuple[Path, list[Event]]:
        checkout = self.next(**members)
        events: list[Event] = []
        task_of(checkout)(events.append)
        return Path(checkout.folder), events

    @property
    def clones(self) -> list[str]:
        return sorted(p.name for p in Path(self.checkout.cache).iterdir() if p.is_dir())


def task_of(checkout: Checkout) -> Callable[[Callable[[Event], None]], None]:
    uri = checkout.repository
    return code_task(Input("code", uri, "/c", False, source=checkout.folder, checkout=checkout))


def staged(events: list[Event]) -> InputStaged:
    (one,) = [event for event in events if isinstance(event, InputStaged)]
    return one


def everything_below(folder: Path) -> bytes:
    return b"\n".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


BRING = """
import sys, json
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.stage.code import code_task
checkout = Checkout(**json.load(sys.stdin))
code_task(Input("code", "uri", "/c", False, checkout=checkout))(print)
"""


def in_another_process(
    checkout: Checkout, output: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    members = {name: getattr(checkout, name) for name in Checkout.__slots__}
    process = subprocess.Popen(
        [sys.executable, "-c", BRING],
        stdin=subprocess.PIPE,
        stdout=output,
        text=True,
    )
    assert process.stdin
    with process.stdin:
        process.stdin.write(json.dumps(members))
    return process


# fixtures


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """``project``, with one commit on main."""
    return new_repository(tmp_path / "served" / "project", say_sh="first\n")


@pytest.fixture
def server(tmp_path: Path, repository: Path) -> Iterator[GitServer]:
    with serving(tmp_path / "served", (USER, TOKEN)) as served:
        yield served


@pytest.fixture
def jobs(tmp_path: Path, server: GitServer) -> Jobs:
    return Jobs(tmp_path, server.url_of("project"))
