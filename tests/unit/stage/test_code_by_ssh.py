"""A repository behind ssh is asked for in git's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.stage.code import code_task


@pytest.mark.parametrize("url", ["git@host.invalid:org/repo.git", "ssh://git@host.invalid/repo"])
def test_the_other_side_is_asked_for_upload_pack_and_nothing_else(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nexit 255\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    checkout = Checkout(url, None, None, str(tmp_path / "code"), cache=str(tmp_path / "cache"))
    with pytest.raises(InputError):
        code_task(Input("code", url, "/root/code", False, checkout=checkout))(lambda event: None)
    (last,) = [line for line in asked.read_text().splitlines() if "upload-pack" in line]
    assert "git-upload-pack '" in last
