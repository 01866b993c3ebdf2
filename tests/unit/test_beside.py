"""Work in a forked process beside this one."""

from __future__ import annotations

import os
from threading import Event, Thread

import pytest

from localdlc.beside import beside
from localdlc.errors import InvalidRequest, Problem


def test_work_is_done_in_another_process_and_its_result_comes_back() -> None:
    assert beside(lambda: {"pid": os.getpid()})() != {"pid": os.getpid()}


def test_an_error_comes_back_whole() -> None:
    problems = (Problem("JobType", "InvalidParameter", "is wrong"),)

    def refuse() -> None:
        raise InvalidRequest("the request has 1 problem", problems)

    with pytest.raises(InvalidRequest) as caught:
        beside(refuse)()
    assert caught.value.problems == problems


def test_beside_other_threads_there_is_no_fork() -> None:
    done = Event()
    other = Thread(target=done.wait)
    other.start()
    try:
        assert beside(os.getpid)() == os.getpid()
    finally:
        done.set()
        other.join()


def test_nothing_is_left_of_the_other_process() -> None:
    child = beside(os.getpid)()
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
