"""Logging in at a real git server: who hears the token, and that nobody else does."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest
from code_jobs import TOKEN, USER, Jobs, everything_below
from git_server import GitServer

from localdlc.errors import InputError

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(
    ("user", "token"), [(USER, "wr0ng-t0ken"), ("bob", TOKEN), (None, None), (USER, None)]
)
def test_a_wrong_login_is_an_error_without_the_token(
    jobs: Jobs, server: GitServer, user: str | None, token: str | None
) -> None:
    with pytest.raises(InputError) as error:
        jobs(user=user, token=token)
    assert jobs.checkout.repository in str(error.value)
    assert "Is the token right" in str(error.value)
    assert TOKEN not in str(error.value)
    assert "wr0ng" not in str(error.value)
    assert jobs.clones == []
    assert server.packs == 0


def test_a_token_goes_by_any_name(jobs: Jobs, server: GitServer) -> None:
    server.login = ("git", "p@ss w:rd/42%")
    jobs(user=None, token="p@ss w:rd/42%")
    assert set(server.logins) == {"git:p@ss w:rd/42%"}


def test_the_users_own_helpers_neither_hear_nor_keep_the_token(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_ASKPASS", f"tee -a {heard}")
    (tmp_path / ".gitconfig").write_text(
        f'[credential]\n\thelper = store\n\thelper = "!cat >> {heard}; :"\n'
    )
    jobs()
    assert not heard.exists()
    assert not (tmp_path / ".git-credentials").exists()


def test_a_user_without_a_token_is_told_to_the_users_own_helpers(
    jobs: Jobs, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f'[credential]\n\thelper = "!echo password={TOKEN}; :"\n')
    jobs(token=None)
    assert set(server.logins) == {f"{USER}:{TOKEN}"}


def everything_that_runs() -> bytes:
    """Arguments and environments of all processes but this one."""
    told = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()):
            for name in ("cmdline", "environ"):
                try:
                    told.append((process / name).read_bytes())
                except OSError:
                    continue
    return b"\n".join(told)


def test_the_token_is_on_no_disk_and_in_no_process_list(jobs: Jobs, server: GitServer) -> None:
    server.gate.clear()
    worker = Thread(target=jobs)
    worker.start()
    assert server.stuck.wait(30)
    running = everything_that_runs()
    server.gate.set()
    worker.join(30)
    assert b"git-remote-http" in running, "git was at work when we looked"
    assert TOKEN.encode() not in running
    jobs()
    assert f"{USER}:{TOKEN}" in server.logins
    assert TOKEN.encode() not in everything_below(jobs.folder)
