"""Work in a forked process beside this one.

A fresh interpreter does it, since other tests' threads may still run here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Event, Thread

from localdlc.beside import beside


def told(program: str) -> str:
    """What a program with `beside` at hand prints."""
    head = "import os; from localdlc.beside import beside\n"
    done = subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_work_is_done_in_another_process_and_its_result_comes_back() -> None:
    assert told("print(beside(os.getppid)() == os.getpid())") == "True"


def test_an_error_comes_back_whole() -> None:
    program = """
from localdlc.errors import InvalidRequest, Problem
def refuse():
    raise InvalidRequest("1 problem", (Problem("JobType", "InvalidParameter", "is wrong"),))
try:
    beside(refuse)()
except InvalidRequest as error:
    print(error, *error.problems)
"""
    assert told(program) == "1 problem JobType: is wrong"


def test_nothing_is_left_of_the_other_process() -> None:
    program = """
beside(os.getpid)()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child")
"""
    assert told(program) == "no child"


def test_beside_other_threads_there_is_no_fork() -> None:
    done = Event()
    other = Thread(target=done.wait)
    other.start()
    try:
        assert beside(os.getpid)() == os.getpid()
    finally:
        done.set()
        other.join()
