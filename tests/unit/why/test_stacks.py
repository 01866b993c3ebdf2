"""Stacks as py-spy tells them, and those alike together."""

from __future__ import annotations

import json

from localdlc.why.stacks import MARK, Group, Stack, grouped, read_stacks, stacks_text


def frame(name: str, file: str, line: int) -> dict[str, object]:
    return {"name": name, "filename": f"/usr/lib/{file}", "short_filename": file, "line": line}


def dump(*frames: dict[str, object], thread: str = "MainThread") -> str:
    return json.dumps([{"thread_name": thread, "frames": list(frames)}], indent=2)


WAIT = Stack("w-0", "python3 train.py", "MainThread", ("all_reduce (dist.py:3)", "main (t.py:9)"))


def test_each_process_and_thread_is_a_stack() -> None:
    lines = [
        "a warning of the container's init",
        f"{MARK}7 python3 train.py --lr 1",
        *dump(frame("all_reduce", "dist.py", 3), frame("main", "t.py", 9)).splitlines(),
        f"{MARK}9 python3 -c child",
        *dump(frame("poll", "queue.py", 1), thread="loader").splitlines(),
    ]
    assert list(read_stacks("w-0", lines)) == [
        Stack("w-0", "python3 train.py --lr 1", "MainThread", WAIT.frames),
        Stack("w-0", "python3 -c child", "loader", ("poll (queue.py:1)",)),
    ]


def test_a_process_without_a_stack_says_why() -> None:
    lines = [f"{MARK}7 python3 x", "Error: Failed to find python version", "  from target"]
    assert list(read_stacks("w-0", lines)) == [
        Stack(
            "w-0",
            "python3 x",
            "",
            ("(no stack: Error: Failed to find python version from target)",),
        )
    ]


def test_frames_of_the_import_machinery_are_left_out() -> None:
    importing = {**frame("_load", "x", 1), "filename": "<frozen importlib._bootstrap>"}
    lines = [f"{MARK}7 p", *dump(importing, frame("f", "t.py", 2)).splitlines()]
    assert [stack.frames for stack in read_stacks("w-0", lines)] == [("f (t.py:2)",)]


def test_the_one_that_is_elsewhere_comes_first() -> None:
    stacks = [Stack(f"w-{n}", WAIT.process, WAIT.thread, WAIT.frames) for n in range(3)]
    loads = Stack("w-3", "python3 train.py", "MainThread", ("load (t.py:4)",))
    helper = Stack("w-0", "python3 train.py", "pin", ("poll (queue.py:1)",))
    assert grouped([*stacks, loads, helper]) == [
        Group(("w-3",), ("MainThread",), loads.process, loads.frames),
        Group(("w-0", "w-1", "w-2"), ("MainThread",), WAIT.process, WAIT.frames),
        Group(("w-0",), ("pin",), helper.process, helper.frames),
    ]


def test_as_people_read_it() -> None:
    long = Stack("w-1", f"python3 {'x' * 80}", "MainThread", ("f (t.py:1)",))
    assert stacks_text([WAIT, long], ["w-0", "w-1", "w-2"]).splitlines() == [
        "stacks of 3 replicas, the innermost call first:",
        "w-0 (1 of 3) - python3 train.py - MainThread",
        "    all_reduce (dist.py:3)",
        "    main (t.py:9)",
        f"w-1 (1 of 3) - python3 {'x' * 63}… - MainThread",
        "    f (t.py:1)",
        "w-2: no Python process",
    ]
