"""What set-up asks of the operating system."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

import pytest

from tools import packages


def test_a_machine_with_all_lacks_nothing() -> None:
    assert packages.missing() == []


def test_git_and_venv_are_missed_under_debians_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "ensurepip" or None)
    assert packages.missing() == ["git", f"python3.{sys.version_info.minor}-venv"]


def test_nothing_is_run_as_root_before_something_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(packages, "wishes", list)
    monkeypatch.setattr(packages, "install", lambda _: 1 / 0)
    assert packages.main() == 0


@pytest.mark.parametrize("apt", [None, 0, 100])
def test_what_only_tests_need_is_installed_where_that_can_be_done(
    apt: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``apt`` is how apt-get ends; None: there is none."""
    installed: list[str] = []

    def install(names: list[str]) -> None:
        installed.extend(names)
        if apt:
            raise subprocess.CalledProcessError(apt, "apt-get")

    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(packages, "which", lambda name: None if name == "git-lfs" else "/there")
    monkeypatch.setattr(packages, "may_install", lambda: apt is not None)
    monkeypatch.setattr(packages, "install", install)
    assert packages.main() == 0
    assert installed == ([] if apt is None else ["git-lfs"])
    assert ("tests that need git-lfs" in capsys.readouterr().out) is (apt != 0)


def test_what_cannot_be_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["git"])
    monkeypatch.setattr(packages, "may_install", lambda: False)
    assert packages.main() == 1
    assert "missing: git" in capsys.readouterr().out


def test_root_needs_nothing_before_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert packages.as_root() == ()


def test_without_root_and_sudo_there_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert packages.as_root() is None


def test_system_programs_are_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert packages.which("ldconfig") is not None
    assert packages.which("no-such-program") is None
