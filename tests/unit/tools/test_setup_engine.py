"""How set-up gets an engine: the decision, and what a killed daemon leaves behind."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from localdlc.errors import EngineUnavailable
from tools import engine
from tools.engine import Facts, decide

if TYPE_CHECKING:
    from pathlib import Path

FRESH = Facts(named=False, forbidden=False, root=True, installed=False, installable=True)


def test_a_fresh_debian_installs() -> None:
    assert decide(FRESH) == "install"


def test_an_installed_daemon_is_started() -> None:
    assert decide(replace(FRESH, installed=True)) == "start"
    assert decide(replace(FRESH, installed=True, installable=False)) == "start"


@pytest.mark.parametrize(
    "facts",
    [
        replace(FRESH, named=True, installed=True),
        replace(FRESH, forbidden=True, installed=True),
        replace(FRESH, root=False, installed=True),
        replace(FRESH, root=False),
        replace(FRESH, installable=False),
    ],
)
def test_what_is_not_ours_to_do_is_explained(facts: Facts) -> None:
    assert decide(facts) == "explain"
    assert len(engine.advice(facts).splitlines()) == 1


def test_advice_fits_the_reason() -> None:
    assert "you named" in engine.advice(replace(FRESH, named=True))
    assert "usermod" in engine.advice(replace(FRESH, forbidden=True))
    assert "service docker start" in engine.advice(replace(FRESH, root=False, installed=True))
    assert "docker.io" in engine.advice(replace(FRESH, root=False))


def test_a_named_engine_that_is_silent_is_never_replaced(tmp_path: Path) -> None:
    """The whole program, as make calls it."""
    done = subprocess.run(
        (sys.executable, engine.__file__),
        env={"PATH": "/usr/bin:/bin", "HOME": "/", "DOCKER_HOST": f"unix://{tmp_path}/no.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"unix://{tmp_path}/no.sock (DOCKER_HOST)" in done.stdout
    assert "no other engine" in done.stdout
    assert done.stderr == ""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a dockerd killed with its containerd leaves in /var/run."""
    folder = tmp_path / "run"
    inner = folder / "docker" / "containerd"
    inner.mkdir(parents=True)
    (folder / "docker.pid").write_text("4711")
    (folder / "docker.sock").touch()
    (inner / "containerd.pid").write_text("4712\n")
    (inner / "containerd.sock").touch()
    return folder


def processes(tmp_path: Path, **programs: str) -> Path:
    """A /proc with the given processes, as in ``p1="init"``."""
    folder = tmp_path / "proc"
    for name, program in programs.items():
        (folder / name[1:]).mkdir(parents=True)
        (folder / name[1:] / "comm").write_text(f"{program}\n")
    return folder


def left(run: Path) -> set[str]:
    return {f.name for f in run.rglob("*") if f.is_file()}


def test_what_the_dead_left_is_cleared(run: Path, tmp_path: Path) -> None:
    engine.clear_left_behind(run, processes(tmp_path, p1="init"))
    assert left(run) == set()


def test_a_pid_that_another_process_got_does_not_pass_for_the_engine(
    run: Path, tmp_path: Path
) -> None:
    engine.clear_left_behind(run, processes(tmp_path, p4711="bash", p4712="python3"))
    assert left(run) == set()


def test_the_living_keep_their_files(run: Path, tmp_path: Path) -> None:
    engine.clear_left_behind(run, processes(tmp_path, p4711="dockerd", p4712="containerd"))
    assert left(run) == {"docker.pid", "docker.sock", "containerd.pid", "containerd.sock"}


def test_a_containerd_that_outlived_its_daemon_is_kept(run: Path, tmp_path: Path) -> None:
    engine.clear_left_behind(run, processes(tmp_path, p4712="containerd"))
    assert left(run) == {"containerd.pid", "containerd.sock"}


def test_a_clean_machine_has_nothing_to_clear(tmp_path: Path) -> None:
    engine.clear_left_behind(tmp_path / "nothing", processes(tmp_path, p1="init"))


def test_a_daemon_that_dies_is_reported_at_once_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SOCKET", tmp_path / "docker.sock")
    monkeypatch.setattr(engine, "LOG", tmp_path / "dockerd.log")
    engine.LOG.write_text("starting\nfailed to mount overlay: not permitted\n")
    start = time.monotonic()
    with (
        subprocess.Popen(("false",)) as daemon,
        pytest.raises(EngineUnavailable, match="not permitted"),
    ):
        engine.wait_until_ready(daemon)
    assert time.monotonic() - start < 5
