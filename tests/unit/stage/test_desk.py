"""The desk: a socket a replica that answers questions, and a gate that opens once."""

from __future__ import annotations

import http.client
import os
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localdlc.stage.desk import Desk

PODS = ("dlc1-master-0", "dlc1-worker-0")


class Line(http.client.HTTPConnection):
    """HTTP over a socket in a folder, however long its path is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__("desk", timeout=10)
        monkeypatch.chdir(folder)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        try:
            self.sock.connect("desk")
        except OSError:
            self.sock.close()
            raise

    def ask(self, path: str) -> tuple[int, bytes]:
        self.request("GET", path)
        answer = self.getresponse()
        return answer.status, answer.read()


def answer(path: str) -> tuple[int, dict[str, str]]:
    return (200, {"you": path}) if path.startswith("/api") else (404, {})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    desk = Desk(folder / "credentials", answer)
    desk.open(PODS)
    yield desk
    desk.close()
    assert not (folder / "credentials").exists()


def test_every_replica_has_a_line_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for pod in PODS:
        line = Line(desk.socket(pod).parent, monkeypatch)
        assert line.ask("/api/0") == (200, b'{"you": "/api/0"}')
        assert line.ask("/else") == (404, b"{}")
        line.close()


def test_hanging_up_ends_every_connection_of_that_replica_and_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, other = (Line(desk.socket(pod).parent, monkeypatch) for pod in PODS)
    assert ended.ask("/api") == other.ask("/api")
    desk.hang_up(PODS[0])
    assert ended.sock.recv(1) == b""
    assert other.ask("/api")[0] == 200
    with pytest.raises(OSError, match="refused"):
        Line(desk.socket(PODS[0]).parent, monkeypatch)
    ended.close()
    other.close()


def test_any_user_of_a_container_gets_in_and_no_other_user_of_this_machine(desk: Desk) -> None:
    own = desk.socket(PODS[0]).parent
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (own.parent, own, *own.iterdir())}
    assert modes == {own.parent: 0o700, own: 0o755, own / "desk": 0o666, own / "gate": 0o644}


def test_the_gate_hands_its_script_to_whoever_comes(desk: Desk) -> None:
    gate = desk.socket(PODS[0]).parent / "gate"
    with ThreadPoolExecutor(1) as pool:
        handed = pool.submit(desk.let_through, PODS[0], "export A=1\n")
        assert gate.read_text() == "export A=1\n"
        assert handed.result(10) is None


def test_a_gate_to_which_nobody_comes_is_given_up(desk: Desk) -> None:
    with ThreadPoolExecutor(1) as pool:
        handed = pool.submit(desk.let_through, PODS[0], "x")
        held = desk.turn_away(PODS[0])
        assert handed.result(10) is None
        assert held is not None
        os.close(held)


def test_what_is_closed_is_not_opened_any_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "credentials", answer)
    desk.close()
    desk.open(PODS)
    desk.admit(PODS[0])
    assert list(tmp_path.iterdir()) == []
    assert desk.turn_away(PODS[0]) is None
