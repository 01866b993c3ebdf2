"""Streams that are closed or full change no exit code and show no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BODY = (
    '{"DisplayName":"a","JobType":"PyTorchJob","UserCommand":"true",'
    '"JobSpecs":[{"Type":"Worker","PodCount":1,"Image":"i"}]}'
)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_a_valid_request_is_valid_whoever_listens(tmp_path: Path, closed: str) -> None:
    (tmp_path / "job.json").write_text(BODY)
    line = f"{sys.executable} -m localdlc validate {tmp_path}/job.json {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_standard_input_is_a_wrong_command_line() -> None:
    line = f"{sys.executable} -m localdlc plan - <&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "localdlc: standard input is closed; name a request file.\n"


def test_a_token_in_a_repository_url_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "localdlc.toml").write_text(
        '[code_sources."code-1"]\nrepository = "https://ann:pasted-token@host.invalid/x.git"\n'
    )
    for kind in ("text", "json"):
        shown = subprocess.run(
            [sys.executable, "-m", "localdlc", "config", "show", "-o", kind],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "host.invalid/x.git" in shown
        assert "pasted-token" not in shown
