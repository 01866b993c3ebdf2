"""Who waits for a job hears the exit code that who ran it heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alone import Cli
from given import JOB_ID, request

import localdlc
from localdlc.errors import HomeError, LocaldlcError
from localdlc.job.result import exit_code
from localdlc.record.events import Record
from localdlc.record.view import JobView
from localdlc.run.fake_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("alone")
ASKED = {"DataSources": [{"Uri": "file:///no/such/folder", "MountPath": "/mnt/data"}]}


def run(home: Path, **members: Any) -> int:
    """As the command line ends."""
    engine = FakeEngine(lambda replica: int(replica.env["FAILS"]))
    body = request({"Worker": 1}, Envs={"FAILS": members.pop("fails", "0")}, **members)
    try:
        return localdlc.run(body, engine=engine, home=home, job_id=JOB_ID, pull="never").exit_code
    except LocaldlcError as error:
        return error.exit_code


@pytest.mark.parametrize(
    ("members", "code"),
    [({}, 0), ({"fails": "9"}, 1), (ASKED, 4)],
    ids=["succeeded", "failed", "data"],
)
def test_wait_ends_as_run_did(tmp_path: Path, cli: Cli, members: dict[str, Any], code: int) -> None:
    assert run(tmp_path / "home", **members) == code
    assert cli("wait", JOB_ID).code == code


@pytest.mark.parametrize(
    ("reason", "asked_by", "code"),
    [
        ("ServiceUnavailable", None, 3),
        ("UnsupportedOperation", None, 3),
        ("InvalidParameter", None, 4),
        ("InternalError", None, 70),
        ("InternalError", "SIGINT", 130),
        ("JobFailed", "SIGINT", 1),
        ("SupervisorLost", None, 3),
    ],
)
def test_the_reason_of_a_failed_job_has_a_code(
    reason: str, asked_by: str | None, code: int
) -> None:
    view = JobView(status="Failed", reason_code=reason, stop_requested_by=asked_by)
    assert exit_code(view) == code


def test_what_breaks_a_job_off_is_its_reason(tmp_path: Path, cli: Cli) -> None:
    def breaks(record: Record) -> None:
        if record.event.type == "ReplicaStarted":
            raise HomeError("the disk is full")

    with pytest.raises(HomeError):
        localdlc.run(
            request({"Worker": 1}),
            engine=FakeEngine(lambda _: 0),
            home=tmp_path / "home",
            on_event=breaks,
        )
    said = cli("wait", "last")
    assert (said.code, "the disk is full" in said.out) == (3, True)
