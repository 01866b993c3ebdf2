"""``cache list`` and ``cache rm``, and ``--sample``."""

from __future__ import annotations

from pathlib import Path

import pytest
from alone import Cli, Write
from given import request


@pytest.fixture
def home(alone: None, tmp_path: Path) -> Path:
    """A home with one set of wheels in its cache."""
    folder = tmp_path / "home" / "cache" / "wheels" / "abc123" / "wheels"
    folder.mkdir(parents=True)
    (folder / "numpy-1.26.4-py3-none-any.whl").write_bytes(b"x" * 2500)
    return tmp_path / "home"


def test_the_cache_is_listed(home: Path, cli: Cli) -> None:
    titles, row = cli("cache", "list", "--home", str(home)).out.splitlines()
    assert titles.split() == ["KEY", "KIND", "SIZE", "FILES", "LAST", "USED", "SOURCE"]
    assert row.split()[:5] == ["abc123", "wheels", "2.5", "kB", "1"]
    assert row.split()[-1] == "numpy"
    (told,) = cli("cache", "list", "-o", "json", "--home", str(home)).json
    assert (told["kind"], told["bytes"], told["in_use"]) == ("wheels", 2500, False)
    assert told["used"].endswith("Z")


def test_what_is_named_is_removed(home: Path, cli: Cli) -> None:
    said = cli("cache", "rm", "abc", "--home", str(home))
    assert said.out == "removed wheels abc123 numpy (2.5 kB)\n"
    assert cli("cache", "rm", "--all", "--home", str(home)).out == "nothing to remove\n"


def test_removing_needs_a_name(home: Path, cli: Cli) -> None:
    said = cli("cache", "rm", "--home", str(home))
    assert said.code == 2
    assert "name what to remove" in said.err
    said = cli("cache", "rm", "xyz", "--home", str(home))
    assert said.code == 2
    assert "the cache has no xyz" in said.err


def test_a_sample_is_in_the_plan(cli: Cli, job_file: Write) -> None:
    body = request({"Worker": 1}, DataSources=[{"Uri": "oss://b/x/", "MountPath": "/m"}])
    said = cli("plan", job_file(body), "--sample", "1%")
    assert "fetched, a sample of 1%" in said.out
    said = cli("plan", job_file(body), "--sample", "some")
    assert said.code == 2
    assert "expected a sample such as 100files, 512MB or 1%" in said.err
