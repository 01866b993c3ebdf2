"""A repository behind ssh is asked for in git's own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_server import commit, git, new_repository

from localdlc.errors import InputError
from localdlc.plan.checkout import Checkout
from localdlc.plan.model import Input
from localdlc.record.events import InputStaged
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


@pytest.mark.servers
def test_submodules_come_by_ssh_too_relative_ones_and_those_of_another_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side is git's own; what stands for ssh only leaves the network out."""
    served = tmp_path / "served"
    beside = new_repository(served / "beside", say_sh="echo beside\n")
    inner = new_repository(served / "inner", say_sh="echo inner\n")
    outer = new_repository(served / "outer", say_sh="echo outer\n")
    for name, url in (("beside", "../beside"), ("inner", f"git@host.invalid:{inner}")):
        allowed = ("-c", "protocol.file.allow=always")
        git(outer, *allowed, "submodule", "--quiet", "add", str(served / name), name)
        git(outer, "config", "-f", ".gitmodules", f"submodule.{name}.url", url)
    commit(outer)
    asked = tmp_path / "asked"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))

    def bring(job: str) -> InputStaged:
        url, folder = f"ssh://git@host.invalid{outer}", tmp_path / job / "code"
        folder.parent.mkdir()
        checkout = Checkout(url, "main", None, str(folder), cache=str(tmp_path / "cache"))
        events: list[object] = []
        source = Input("code", url, "/c", False, source=str(folder), checkout=checkout)
        code_task(source)(events.append)
        told = {name: (folder / name / "say.sh").read_text() for name in (".", "beside", "inner")}
        assert told == {".": "echo outer\n", "beside": "echo beside\n", "inner": "echo inner\n"}
        assert git(folder / "beside", "rev-parse", "HEAD") == git(beside, "rev-parse", "HEAD")
        (staged,) = (event for event in events if isinstance(event, InputStaged))
        return staged

    assert not bring("one").cached
    hosts = {line.split()[-3] for line in asked.read_text().splitlines()}
    assert hosts == {"git@host.invalid"}
    asked.unlink()
    bring("two")
    assert "inner" not in asked.read_text()  # its commit is in the cache
