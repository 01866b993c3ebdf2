"""Why a job failed, told by a real engine's jobs and by the real things that fail."""

from __future__ import annotations

import pytest
from engines import CommandLine, job
from failures.cases import FAILURES, Failure

from localdlc.record.view import JobView, ReplicaView
from localdlc.run.follower import signal_name
from localdlc.why import Case, Tail
from localdlc.why.finding import find

pytestmark = pytest.mark.engine

MARKS = {"base": [], "pytorch": [pytest.mark.samples], "tensorflow": [pytest.mark.samples]}
LATER = "import time; time.sleep(1); open('/mnt/data/train.csv')"


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(one, id=one.name, marks=MARKS.get(one.image, [pytest.mark.frameworks]))
        for one in FAILURES
    ],
)
def test_the_real_thing_still_says_so(failure: Failure) -> None:
    text, code = failure.run()
    replica = ReplicaView("dlc1-w-0", exit_code=code, signal=signal_name(code))
    case = Case(JobView(), {}, {"dlc1-w-0": Tail(tuple(text.splitlines()))})
    finding = find(case, replica)
    assert finding, text
    assert finding.name == failure.pattern


def test_the_end_of_a_failed_job_and_show_tell_why(localdlc: CommandLine) -> None:
    folder = localdlc.folder / "data"
    folder.mkdir()
    source = [{"Uri": f"file://{folder}", "MountPath": "/mnt/data"}]
    command = f'if [ $RANK = 1 ]; then python3 -c "{LATER}"; else sleep 60; fi'
    done = localdlc.run(job(command, {"Master": 1, "Worker": 1}, DataSources=source))
    assert done.code == 1
    paragraph = done.err[done.err.index("why: ") :].splitlines()
    assert paragraph[0].startswith("why: worker-0 was the first to fail, ")
    assert paragraph[0].endswith("after its start. Meanwhile master-0: running, then stopped.")
    assert paragraph[1:3] == [
        "  | FileNotFoundError: [Errno 2] No such file or directory: '/mnt/data/train.csv'",
        "  It opened a file that is not there: /mnt/data/train.csv is below /mnt/data, where the "
        f"data source file://{folder} is mounted; /mnt/data is empty.",
    ]
    assert paragraph[4].startswith("Failed: ")
    shown = localdlc("show", "last").text
    assert "\n".join(paragraph[:4]) in shown
    assert "  | FileNotFoundError" in shown


def test_a_secret_is_in_no_reason(localdlc: CommandLine) -> None:
    command = "cat /no/such/$TOKEN"
    done = localdlc.run(job(command, Envs={"TOKEN": "hunter2hunter2"}))
    assert "It opened a file that is not there: /no/such/***" in done.err
    assert "hunter2" not in done.err + done.text + localdlc("show", "last").text


def test_a_job_beyond_its_deadline_tells_what_was_said_last(localdlc: CommandLine) -> None:
    body = job("echo epoch 1; sleep 60", JobMaxRunningTimeMinutes=1)
    done = localdlc.run(body, "--time-scale", "60")
    assert done.code == 1
    told = done.err[done.err.index("why: ") :].splitlines()
    assert told[0].startswith("why: no replica failed; Job dlc")
    assert told[0].endswith("has failed because it was active longer than specified deadline")
    assert told[1].startswith("  master-0 wrote last, ")
    assert told[1].endswith(" s before its end: epoch 1")


def test_the_cause_is_told_from_the_one_that_noticed_it_first(localdlc: CommandLine) -> None:
    notices = "sleep 1; echo ConnectionResetError: [Errno 104] Connection reset by peer; exit 1"
    dies = "trap '' TERM; sleep 2; echo MemoryError; exit 9"
    done = localdlc.run(
        job(f"if [ $RANK = 0 ]; then {notices}; fi; {dies}", {"Master": 1, "Worker": 1})
    )
    assert done.code == 1
    assert "master-0 ended sooner, but for want of a peer; worker-0 failed, " in done.err
    assert "  | MemoryError\nwhy: " in done.err
    assert "Meanwhile master-0: lost a peer and ended with exit code 1." in done.err


def test_a_job_that_succeeds_loads_nothing_of_all_this(localdlc: CommandLine) -> None:
    localdlc._python = (*localdlc._python, "-X", "importtime")
    done = localdlc.run(job("true"))
    assert done.code == 0
    assert "localdlc.run.supervisor" in done.err
    rooms = (
        "localdlc.why",
        "localdlc.run.hangs",
        "localdlc.service.explaining",
        "localdlc.plan.debugging",
    )
    assert [room for room in rooms if room in done.err] == []
