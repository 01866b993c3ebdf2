"""Debugging in a real engine: stacks of what hangs, and a replica that waits for a debugger."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from debugger import Debugger
from engines import CommandLine, job

pytestmark = [pytest.mark.engine, pytest.mark.keeps_files]

TWO = {"Master": 1, "Worker": 1}
WAITS = "python3 -c 'import time\ndef wait_for_peer(): time.sleep(60)\nwait_for_peer()'"


def stacks(localdlc: CommandLine, name: str = "last") -> str:
    folder = max((localdlc.home / "jobs").iterdir(), key=lambda path: path.stat().st_mtime)
    file = folder / "stacks-1.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    return file.read_text()


def test_silent_replicas_are_looked_into_and_stopped(localdlc: CommandLine) -> None:
    done = localdlc.run(job(WAITS, TWO), "--hang-timeout", "2s")
    assert done.code == 5
    assert "note: no replica has written anything for 2 s; stacks of 2 replicas" in done.err
    assert "stopping (--hang-timeout)" in done.err
    assert "Stopped: " in done.err
    told = stacks(localdlc)
    assert "(2 of 2) - python3 -c import time" in told
    assert "    wait_for_peer (<string>:2)\n    <module> (<string>:3)" in told
    assert "wait_for_peer" in localdlc("show", "last").text


def test_a_secret_is_in_no_stack_not_even_the_half_of_it(localdlc: CommandLine) -> None:
    waits = "python3 -c 'import time; time.sleep(60)' a-long-word-in-between $TOKEN"
    done = localdlc.run(job(waits, Envs={"TOKEN": "hunter2hunter2"}), "--hang-timeout", "1s")
    assert done.code == 5
    told = stacks(localdlc)
    assert "a-long-word-in-between" in told
    assert "hunt" not in told + done.err + localdlc("show", "last").text


def test_a_job_that_is_to_go_on_goes_on(localdlc: CommandLine) -> None:
    done = localdlc.run(job("sleep 3; echo done"), "--hang-timeout", "1s", "--on-hang", "go-on")
    assert done.code == 0
    assert done.lines == ["master-0 | done"]
    assert done.err.count("no replica has written anything for 1 s") == 1
    assert "master-0: no Python process" in stacks(localdlc)


def test_peers_that_are_left_by_a_failure_are_looked_into(localdlc: CommandLine) -> None:
    command = f"if [ $RANK = 1 ]; then sleep 2; echo broken; exit 3; fi; {WAITS}"
    done = localdlc.run(job(command, TWO), "--hang-timeout", "10m")
    assert done.code == 1
    assert "note: worker-0 has failed, and these were left; stacks of one replica" in done.err
    assert done.err.index("wait_for_peer") < done.err.index("\nFailed: ")
    assert "    wait_for_peer (<string>:2)" in stacks(localdlc)


def test_a_job_that_nobody_watches_is_looked_into_all_the_same(localdlc: CommandLine) -> None:
    begun = localdlc.run(job(WAITS), "--hang-timeout", "2s", "--detach")
    assert begun.code == 0, begun.err
    assert localdlc("wait", "last").code == 5
    assert "wait_for_peer" in localdlc("show", "last").text
    assert "    wait_for_peer (<string>:2)" in stacks(localdlc)


def test_a_job_that_does_not_hang_is_told_nothing(localdlc: CommandLine) -> None:
    done = localdlc.run(job("echo hello", TWO), "--hang-timeout", "10m")
    assert done.code == 0
    assert "stacks" not in done.err


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
        return number


def test_a_replica_waits_for_a_debugger_without_a_change_to_its_code(
    localdlc: CommandLine, port: int
) -> None:
    code = localdlc.folder / "code"
    code.mkdir()
    (code / "train.py").write_text("x = 41\nprint('answer', x + 1)\n")
    command = "pip --version >/dev/null; cd /code; python3 train.py $RANK"
    body = job(command, TWO, DataSources=[{"Uri": f"file://{code}", "MountPath": "/code"}])
    going = localdlc.start_job(body, "--debug-replica", f"worker-0:{port}", "--job-id", "dlcdebug")
    going.wait_for("train.py waits for a debugger")
    way = launched(localdlc.home / "jobs" / "dlcdebug")
    assert way["name"] == "localdlc: worker-0"
    assert way["connect"] == {"host": "127.0.0.1", "port": port}
    assert way["pathMappings"] == [{"localRoot": str(code), "remoteRoot": "/code"}]
    debugger = Debugger(port)
    debugger.attach({"/code/train.py": [2]})
    thread = debugger.wait_for("stopped")["threadId"]
    assert debugger.evaluate("x", thread) == "41"
    debugger.ask("setExpression", expression="x", value="1", frameId=top(debugger, thread))
    debugger.ask("continue", threadId=thread)
    done = going.finish()
    debugger.close()
    assert done.code == 0
    assert sorted(done.lines)[-1] == "worker-0 | localdlc: train.py waits for a debugger"
    assert {"master-0 | answer 42", "worker-0 | answer 2"} <= set(done.lines)


def launched(folder: Path) -> dict[str, object]:
    way: dict[str, object] = json.loads((folder / "launch.json").read_text())["configurations"][0]
    return way


def top(debugger: Debugger, thread: int) -> int:
    frame: int = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
    return frame


def test_a_replica_that_there_is_not_is_told(localdlc: CommandLine) -> None:
    done = localdlc.run(job("true"), "--debug-replica", "worker-7")
    assert done.code == 2
    assert "--debug-replica: there is no worker-7; there are: master-0." in done.err
