"""A job in one archive, for a ticket."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        members = {m.name: archive.extractfile(m) for m in archive.getmembers()}
        return {name: data.read().decode() for name, data in members.items() if data}


def test_all_that_is_known_of_a_job_without_its_secrets(localdlc: CommandLine) -> None:
    body = job(
        "echo token $API_TOKEN; echo url https://me:pasted-in-word@host/x; cat /no/such/file",
        Envs={"API_TOKEN": "hunter2hunter2"},
    )
    assert localdlc.run(body, "--job-id", "dlcbundle").code == 1
    (localdlc.folder / "localdlc.toml").write_text('[oss]\naccess_key_secret = "learntlater1"\n')
    log = localdlc.home / "jobs" / "dlcbundle" / "logs" / "dlcbundle-master-0.1.log"
    with log.open("a") as file:
        file.write("2026-11-22T12:00:00Z stdout F a key learntlater1\n")
    done = localdlc("bundle", "last")
    assert done.code == 0, done.err
    archive = localdlc.folder / "dlcbundle.tar.gz"
    assert done.text.startswith("dlcbundle.tar.gz: events.jsonl, request.json, plan.json, ")
    assert archive.stat().st_mode & 0o777 == 0o600
    found = unpacked(archive)
    assert {name.removeprefix("dlcbundle/") for name in found} >= {
        *("events.jsonl", "request.json", "plan.json", "show.txt", "versions.json", "doctor.json"),
        "logs/dlcbundle-master-0.1.log",
    }
    everything = "".join(found.values())
    for secret in ("hunter2", "pasted-in-word", "learntlater1"):
        assert secret not in everything
    assert "token ***" in found["dlcbundle/logs/dlcbundle-master-0.1.log"]
    assert "a key ***" in found["dlcbundle/logs/dlcbundle-master-0.1.log"]
    assert "It opened a file that is not there: /no/such/file" in found["dlcbundle/show.txt"]
    events = [json.loads(line) for line in found["dlcbundle/events.jsonl"].splitlines()]
    assert (events[0]["type"], events[-1]["type"]) == ("JobCreated", "JobFinished")
    assert json.loads(found["dlcbundle/versions.json"])["packages"]["docker"]
    checks = {check["name"] for check in json.loads(found["dlcbundle/doctor.json"])}
    assert {"memory", "engine"} <= checks


def test_an_archive_that_is_there_stays(localdlc: CommandLine) -> None:
    localdlc.run(job("true"))
    file = localdlc.folder / "ticket.tar.gz"
    file.write_text("mine")
    done = localdlc("bundle", "last", "--to", str(file))
    assert done.code == 2
    assert f"{file} is there already; name another with --to." in done.err
    assert file.read_text() == "mine"
    absent = localdlc("bundle", "last", "--to", "/no/such/folder/x.tar.gz")
    assert absent.code == 2
    assert "/no/such/folder/x.tar.gz cannot be written: No such file" in absent.err
