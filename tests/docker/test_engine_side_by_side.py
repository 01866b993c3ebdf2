"""Several runs at the same moment share one home and one engine."""

from __future__ import annotations

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine


def test_six_runs_at_the_same_moment_on_a_new_home_do_not_disturb_each_other(
    localdlc: CommandLine,
) -> None:
    request = job("echo I am $RANK of $DLC_JOB_ID; exit $RANK", {"Master": 1, "Worker": 1})
    ids = [f"dlcsix{n}" for n in range(6)]
    going = [localdlc.start_job(request, "--job-id", job_id) for job_id in ids]
    for job_id, run in zip(ids, going, strict=True):
        done = run.finish()
        assert (done.code, done.err.count("Traceback")) == (1, 0), done.err
        assert sorted(done.lines) == [
            f"master-0 | I am 0 of {job_id}",
            f"worker-0 | I am 1 of {job_id}",
        ]
    rows = localdlc("list").lines[1:]
    assert sorted(row.split()[0] for row in rows) == ids
    assert all(" Failed " in row for row in rows)


def test_of_two_runs_with_one_job_id_one_is_refused(localdlc: CommandLine) -> None:
    runs = [localdlc.start_job(job("sleep 1"), "--job-id", "dlctwins") for _ in range(2)]
    done = sorted((run.finish() for run in runs), key=lambda each: each.code)
    assert [each.code for each in done] == [0, 2]
    assert "there is a job dlctwins" in done[1].err
