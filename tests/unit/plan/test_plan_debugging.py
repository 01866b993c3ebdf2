"""A plan whose replicas wait for a debugger."""

from __future__ import annotations

from typing import Any

import pytest
from given import HOME, JOB_ID, plan_of, short

from localdlc.errors import UsageError
from localdlc.plan.debug_hook import is_tool, program
from localdlc.plan.debugging import debugged, launch
from localdlc.plan.model import Door, Mount, Plan

FOLDER = HOME / "jobs" / JOB_ID


def plan(*asked: str, **members: Any) -> Plan:
    return debugged(plan_of({"Master": 1, "Worker": 2}, **members), asked, HOME, "/lib/debugpy")


def test_the_replica_that_is_asked_for_and_no_other() -> None:
    there = {short(r.pod_id): r for r in plan("worker-1:6000").replicas}
    assert there["worker-1"].doors == (Door(5678, 6000),)
    assert there["worker-1"].env["PYTHONPATH"] == "/localdlc-debug/hook"
    assert there["worker-1"].mounts[-2:] == (
        Mount(
            f"{FOLDER}/files/{JOB_ID}-worker-1/localdlc-debug/hook/sitecustomize.py",
            "/localdlc-debug/hook/sitecustomize.py",
            read_only=True,
        ),
        Mount("/lib/debugpy", "/localdlc-debug/lib/debugpy", read_only=True),
    )
    hook = there["worker-1"].files[-1]
    assert hook.path == "/localdlc-debug/hook/sitecustomize.py"
    assert "debugpy.wait_for_client()" in hook.text
    plain = {short(r.pod_id): r for r in plan_of({"Master": 1, "Worker": 2}).replicas}
    assert [there[n] for n in ("master-0", "worker-0")] == [plain["master-0"], plain["worker-0"]]


def test_the_code_of_the_request_is_still_found() -> None:
    found = plan("master-0", Envs={"PYTHONPATH": "/root/code"}).replicas[0]
    assert found.env["PYTHONPATH"] == "/localdlc-debug/hook:/root/code"


def test_ports_count_upwards_and_the_notes_say_where_to_go() -> None:
    asked = plan("master-0", "worker-0")
    assert [r.doors for r in asked.replicas] == [(Door(5678, 5678),), (Door(5678, 5679),), ()]
    assert asked.notes[-1] == (
        f"worker-0 waits for a debugger at 127.0.0.1:5679; {FOLDER}/launch.json is for .vscode/ "
        "of the code's folder."
    )


def test_launch_json_has_a_way_in_for_each_and_one_for_all() -> None:
    source = [{"Uri": "file:///srv/code", "MountPath": "/code"}]
    told = launch(plan("master-0", "worker-1:7000", DataSources=source))
    assert told["configurations"][1] == {
        "name": "localdlc: worker-1",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": 7000},
        "pathMappings": [{"localRoot": "/srv/code", "remoteRoot": "/code"}],
        "justMyCode": False,
        "subProcess": True,
    }
    both = ["localdlc: master-0", "localdlc: worker-1"]
    assert told["compounds"] == [{"name": "localdlc: all of them", "configurations": both}]
    assert launch(plan("master-0"))["compounds"] == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("chief-0",), "there is no chief-0; there are: master-0, worker-0, worker-1."),
        (("master-0:http",), "'http' is no port"),
        (("master-0:0",), "'0' is no port"),
        (("master-0:65536",), "'65536' is no port"),
        (("master-0:7000", "worker-0:7000"), "a port of its own"),
        (("master-0", "master-0:7000"), "a port of its own, and one only"),
    ],
)
def test_what_cannot_be_is_told(asked: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError) as told:
        plan(*asked)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("line", "name", "tool"),
    [
        ("python3 train.py --lr 1", "train.py", False),
        ("python -u -X dev -W ignore train.py", "train.py", False),
        ("python3 -m torch.distributed.run t.py", "torch.distributed.run", False),
        ("python3 -um pip install x", "pip", True),
        ("/usr/bin/python3 /usr/bin/pip3 list", "/usr/bin/pip3", True),
        ("python3 -", "-", False),
        ("python3", "", False),
    ],
)
def test_the_hook_knows_a_program_from_a_tool(line: str, name: str, tool: bool) -> None:
    assert program(line.split()) == name
    assert is_tool(name) is tool


def test_the_hook_leaves_multiprocessings_children_to_the_debugger() -> None:
    code = "from multiprocessing.spawn import spawn_main; spawn_main()"
    assert program(["python3", "-c", code, "--multiprocessing-fork"]) == code
    assert is_tool(code)
