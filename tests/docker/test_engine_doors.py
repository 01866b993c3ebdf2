"""A job's dashboard at a port of this machine; what it shows is in the tests of frameworks."""

from __future__ import annotations

import socket

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine

RAY = {"JobType": "RayJob"}


def test_a_port_that_is_taken_is_named_and_nothing_is_left(localdlc: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        going = localdlc.start_job(job("true", {"Head": 1}, **RAY), "--dashboard", port)
        done = going.finish()
    assert done.code == 3
    assert f"port {port} of 127.0.0.1, where the job is to answer, is taken" in done.err
    assert "Choose another: --dashboard PORT" in done.err


def test_an_image_without_ray_says_what_it_lacks(localdlc: CommandLine) -> None:
    done = localdlc.start_job(job("true", {"Head": 1, "Worker": 1}, **RAY)).finish()
    assert done.code == 1
    assert "the image has no ray: install the package ray in it" in done.text
