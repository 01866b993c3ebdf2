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


def test_a_child_that_is_killed_leaves_the_work_to_this_process() -> None:
    program = """
import signal
me = os.getpid()
def die_beside():
    if os.getpid() != me:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done here"
print(beside(die_beside)())
"""
    assert told(program) == "done here"


def test_where_dead_children_are_reaped_by_the_system_the_result_still_comes() -> None:
    program = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(beside(lambda: 7)())
"""
    assert told(program) == "7"


def test_the_child_never_comes_back_into_the_callers_code() -> None:
    program = """
class Unpickled:
    def __reduce__(self):
        raise RuntimeError("no pickle")
try:
    beside(Unpickled)()
except RuntimeError as error:
    print(error)
finally:
    print("once")
"""
    assert told(program) == "no pickle\nonce"
