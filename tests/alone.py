"""The command line in this process, with a home and a working directory of the test's own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localdlc.cli import main


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]
Write = Callable[[Mapping[str, Any]], str]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration but the test's, no engine, and nothing written outside its folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("LOCALDLC_CONFIG", "XDG_CONFIG_HOME", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALDLC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def cli(
    alone: None, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Cli:
    def said(*arguments: str, stdin: bytes = b"") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsysbinary.readouterr()
        return Said(int(left.value.code or 0), out.decode(), err.decode())

    return said


@pytest.fixture
def job_file(tmp_path: Path) -> Write:
    """Writes a request into job.json of the working directory."""

    def write(body: Mapping[str, Any]) -> str:
        (tmp_path / "job.json").write_text(json.dumps(body))
        return "job.json"

    return write
