"""What an engine's process says about the ulimits that its containers can have."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from localdlc.run.ceilings import ceilings, hard_limits, may_raise

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max stack size            8388608              unlimited            bytes
Max open files            1024                 20000                files
Max locked memory         8388608              8388608              bytes
"""
ROOT = "0 0 4294967295"


def process(folder: Path, capabilities: str, uid_map: str) -> Path:
    (folder / "status").write_text(f"Name:\tdockerd\nCapEff:\t{capabilities}\n")
    (folder / "uid_map").write_text(f"{uid_map}\n")
    return folder


def test_hard_limits_are_the_third_column() -> None:
    assert hard_limits(LIMITS) == {"nofile": 20000, "memlock": 8388608, "stack": -1}


@pytest.mark.parametrize(
    ("capabilities", "uid_map", "may"),
    [
        ("000001ffffffffff", ROOT, True),
        ("000001fffeffffff", ROOT, False),
        ("0000000000000000", ROOT, False),
        ("000001ffffffffff", "0 1000 1\n1 100000 65536", False),
    ],
    ids=["root", "without the capability", "a user", "root of another namespace"],
)
def test_who_may_raise_them(tmp_path: Path, capabilities: str, uid_map: str, may: bool) -> None:
    assert may_raise(process(tmp_path, capabilities, uid_map)) is may


def test_of_this_machine_they_are_those_of_who_listens(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        found = ceilings(f"unix://{path}")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    able = may_raise(Path(f"/proc/{os.getpid()}"))
    assert found == {} if able else found["nofile"] == files


@pytest.mark.parametrize("url", ["tcp://10.0.0.1:2375", "ssh://ann@host", "unix:///nobody/here"])
def test_of_an_engine_that_is_out_of_sight_nothing_is_known(url: str) -> None:
    assert ceilings(url) == {}
